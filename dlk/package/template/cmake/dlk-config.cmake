# find_package(dlk CONFIG REQUIRED PATHS <the package>) gives
#   dlk::x86, dlk::arm, dlk::aarch64, dlk::fpga   the libraries that are in models/lib
#   dlk::dlk                                      the one for the processor that is compiled for; with COMPONENTS fpga
#                                                 (or any other of these names) that one
# each with the directory of dlk.h.

get_filename_component(_dlk_root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

foreach(_dlk_name IN ITEMS x86 arm aarch64 fpga)
  set(_dlk_file "${_dlk_root}/models/lib/libdlk_${_dlk_name}.so")
  if(EXISTS "${_dlk_file}" AND NOT TARGET dlk::${_dlk_name})
    add_library(dlk::${_dlk_name} SHARED IMPORTED)
    set_target_properties(dlk::${_dlk_name} PROPERTIES
      IMPORTED_LOCATION "${_dlk_file}"
      IMPORTED_NO_SONAME TRUE
      INTERFACE_INCLUDE_DIRECTORIES "${_dlk_root}/include")
  endif()
endforeach()

if(dlk_FIND_COMPONENTS)
  list(GET dlk_FIND_COMPONENTS 0 _dlk_chosen)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  set(_dlk_chosen x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$" AND NOT CMAKE_SIZEOF_VOID_P EQUAL 4)
  set(_dlk_chosen aarch64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(arm|aarch64)")
  set(_dlk_chosen arm)
else()
  set(_dlk_chosen "${CMAKE_SYSTEM_PROCESSOR}")
endif()

foreach(_dlk_name IN LISTS dlk_FIND_COMPONENTS _dlk_chosen)
  if(NOT TARGET dlk::${_dlk_name})
    set(dlk_FOUND FALSE)
    set(dlk_NOT_FOUND_MESSAGE "There is no libdlk_${_dlk_name}.so in ${_dlk_root}/models/lib.")
    return()
  endif()
endforeach()

if(NOT TARGET dlk::dlk)
  add_library(dlk::dlk INTERFACE IMPORTED)
  set_target_properties(dlk::dlk PROPERTIES INTERFACE_LINK_LIBRARIES dlk::${_dlk_chosen})
endif()
