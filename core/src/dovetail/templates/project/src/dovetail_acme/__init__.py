"""The acme backend; Dovetail finds the manifest beside this file and never imports it."""
