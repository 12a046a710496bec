"""The content: one runnable module per result, discovered by the engine at run time."""
