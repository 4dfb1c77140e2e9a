"""The exceptions of messengers, where older versions had them."""

from ..errors import MessageNotRecognizedError, ResourceRequestedClose

__all__ = ["MessageNotRecognizedError", "ResourceRequestedClose"]
