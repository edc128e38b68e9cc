"""The device acme: a manifest and a library; never imported."""
