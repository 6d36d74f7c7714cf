"""The boot files of the DE10-Nano, built from Debian's source package of U-Boot.

    python3 -m dlk.hw.board.de10_nano.boot

Nothing but Python's own library is needed beside the tools of ``tools.py``.
"""
