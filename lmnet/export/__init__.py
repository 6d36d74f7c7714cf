"""Export: the files in which a trained network leaves for ``dlk``."""

from lmnet.export.exporter import export

__all__ = ["export"]
