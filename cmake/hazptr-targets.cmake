# SPDX-License-Identifier: MIT OR Apache-2.0
# The targets, under the same names whether the library is installed or part of the same build: a
# target that links with one of them can be exported, and who finds it finds the package.
#
#   hazptr::hazptr         the shared library
#   hazptr::static         the archive, where there is one
#   hazptr::inline         the shared library, the readers' fast paths inlined
#   hazptr::inline-static  the archive, the readers' fast paths inlined
#   hazptr::urcu           <hazptr/urcu.h>: the interface of userspace RCU
#   hazptr::liburcu        the same for sources that include <urcu.h>

function(hazptr_add_targets include_dir shared soname archive)
  add_library(hazptr::hazptr SHARED IMPORTED)
  set_target_properties(hazptr::hazptr PROPERTIES
    IMPORTED_LOCATION "${shared}" IMPORTED_SONAME ${soname}
    INTERFACE_INCLUDE_DIRECTORIES "${include_dir}")
  hazptr_add_inline(hazptr::inline hazptr::hazptr)
  if(archive)
    add_library(hazptr::static STATIC IMPORTED)
    # A plug-in that contains the engine must stay when it is closed, as the shared library does.
    # The flag is no link option, for a static library in between would not pass that on.
    set(plug_in $<NOT:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>>)
    set_target_properties(hazptr::static PROPERTIES
      IMPORTED_LOCATION "${archive}" INTERFACE_INCLUDE_DIRECTORIES "${include_dir}"
      INTERFACE_LINK_LIBRARIES "$<${plug_in}:-Wl,-z,nodelete>")
    hazptr_add_inline(hazptr::inline-static hazptr::static)
  endif()
endfunction()

function(hazptr_add_inline target library)
  add_library(${target} INTERFACE IMPORTED)
  set_target_properties(${target} PROPERTIES
    INTERFACE_COMPILE_DEFINITIONS HAZPTR_INLINE INTERFACE_LINK_LIBRARIES ${library})
endfunction()

# Of libhazptr-urcu: its headers are where those of libhazptr are, but those named like liburcu's.
function(hazptr_add_urcu shared soname header_dir)
  add_library(hazptr::urcu SHARED IMPORTED)
  set_target_properties(hazptr::urcu PROPERTIES
    IMPORTED_LOCATION "${shared}" IMPORTED_SONAME ${soname} INTERFACE_LINK_LIBRARIES hazptr::hazptr)
  hazptr_add_liburcu("${header_dir}")
endfunction()

# Before all others, also where those of liburcu are the compiler's own.
function(hazptr_add_liburcu header_dir)
  add_library(hazptr::liburcu INTERFACE IMPORTED)
  set_target_properties(hazptr::liburcu PROPERTIES
    INTERFACE_COMPILE_OPTIONS "-I${header_dir}" INTERFACE_LINK_LIBRARIES hazptr::urcu)
endfunction()
