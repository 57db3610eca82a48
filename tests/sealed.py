"""The key with which the pagers of the tests seal addresses, so that tests can read what they stored."""

from pager_grpc.pager.sealing import Sealing

ADDRESS_KEY = "dGVzdHMgc2VhbCBhZGRyZXNzZXMgd2l0aCB0aGlzISE="
SEALING = Sealing([ADDRESS_KEY])
