# quartus_sh -t build.tcl FOLDER: compile the project in the current folder; FOLDER holds the board's files.
package require ::quartus::project
package require ::quartus::flow

set board [lindex $quartus(args) 0]
project_new -overwrite dlk_de10_nano
source $board/dlk_de10_nano.qsf
foreach file [concat [glob $board/*.sv] [glob $board/../../rtl/*.sv]] {
    set_global_assignment -name SYSTEMVERILOG_FILE $file
}
set_global_assignment -name SDC_FILE $board/dlk_de10_nano.sdc
execute_flow -compile
project_close
