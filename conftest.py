"""Makes the suites runnable from a checkout; the plugin itself is found by its entry point."""

pytest_plugins = ["harness.session.plugin"]
