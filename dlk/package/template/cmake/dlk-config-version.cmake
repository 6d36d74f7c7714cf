# The version is that of the C interface, DLK_ABI_VERSION in dlk.h: equal or not compatible.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../include/dlk.h" _dlk_line REGEX "^#define DLK_ABI_VERSION [0-9]+$")
string(REGEX REPLACE "[^0-9]" "" PACKAGE_VERSION "${_dlk_line}")

if(PACKAGE_FIND_VERSION_MAJOR EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
