# OpenEmbedded asks for this file; each layer has one.
from pkgutil import extend_path
__path__ = extend_path(__path__, __name__)
