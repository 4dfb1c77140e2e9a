"""The exceptions of messengers, in the module where older versions had them."""

from ..errors import MessageNotRecognizedError, ResourceRequestedClose

__all__ = ["MessageNotRecognizedError", "ResourceRequestedClose"]
