"""The inside of the platform: rules, storage, messages, and the processes that run them.

Data flows one way, and import-linter holds it (contracts in ``pyproject.toml``)::

    serve_app → runtime → identity → messaging | notifier | store | security → ports → domain

``domain`` is pure; ``store`` is the only home of SQL, ``runtime`` the only one of Ray.
"""
