"""The folder that is copied to the device, put together from the export, the libraries and the template."""

from dlk.package.assemble import assemble

__all__ = ["assemble"]
