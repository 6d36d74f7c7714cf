# The board's 50 MHz; the PLL's 100 MHz follow from it.
create_clock -name board_clock -period 20.000 [get_ports FPGA_CLK1_50]
derive_pll_clocks
derive_clock_uncertainty

# Lamps for the eye, and the reset that begins without a clock.
set_false_path -to [get_ports {LED[*]}]
set_false_path -to [get_pins -nowarn {reset_sync|stage[*]|clrn}]
