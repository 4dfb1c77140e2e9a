from .baseworkerprocess import BaseWorkerProcess
from .legacy_worker_resource import LegacyWorkerResource

__all__ = ["BaseWorkerProcess", "LegacyWorkerResource"]
