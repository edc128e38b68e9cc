"""The device acme: a manifest and a library; nothing imports this."""
