# SPDX-License-Identifier: MIT OR Apache-2.0
# Engines for the tests alone, built with features of Cargo.toml that the shipped one never has.
#
# hazptr_engine_variant(prefix features) makes a library target hazptr_<prefix>. Its symbols carry
# the prefix, so that it cannot be mistaken for the library; who links with the target is compiled
# with the functions' names renamed to match.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${hazptr_map})

function(hazptr_engine_variant prefix features)
  set(archive ${hazptr_lib_dir}/lib${prefix}_hazptr.a)
  hazptr_engine(OUTPUT ${archive} FEATURE ${features} PREFIX ${prefix}_)
  add_custom_target(hazptr_${prefix}_archive DEPENDS ${archive})

  set(header ${PROJECT_BINARY_DIR}/variants/${prefix}.h)
  file(STRINGS ${hazptr_map} exports REGEX "^[ \t]*[a-z_0-9]+;$")
  set(defines)
  foreach(export IN LISTS exports)
    string(REGEX MATCH "[a-z_0-9]+" name ${export})
    string(APPEND defines "#define ${name} ${prefix}_${name}\n")
    if(name MATCHES "^hazptr_control_")
      string(APPEND defines "#define HAZPTR_CONTROL_SYMBOL \"${prefix}_${name}\"\n")
    endif()
  endforeach()
  file(CONFIGURE OUTPUT ${header} CONTENT "${defines}")

  add_library(hazptr_${prefix} STATIC IMPORTED GLOBAL)
  set_target_properties(hazptr_${prefix} PROPERTIES
    IMPORTED_LOCATION ${archive}
    INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include
    INTERFACE_COMPILE_OPTIONS "SHELL:-include ${header}")
  add_dependencies(hazptr_${prefix} hazptr_${prefix}_archive)
endfunction()

hazptr_engine_variant(widened test-widen)
hazptr_engine_variant(delayed test-delay,test-widen)
hazptr_engine_variant(weakened_no_barrier weaken-no-barrier)
hazptr_engine_variant(weakened_plain_barrier weaken-plain-barrier,test-widen)
