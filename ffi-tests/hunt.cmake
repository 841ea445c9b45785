# SPDX-License-Identifier: MIT OR Apache-2.0
# The hunt for a use after free, and its negative controls: the same program against engines that
# are each weakened in one place must find an error, or the hunt without errors shows nothing.
#
# An ordinary barrier in place of the one that restarts sequences shows itself only if it meets a
# sequence between its load and its commit, which are one instruction apart. So that control is an
# engine widened there, and the right barrier must bear the same widening.

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${hazptr_map})

# hunt.c as hunt-<prefix>, against an engine of its own: hazptr_hunt_engine(prefix features)
function(hazptr_hunt_engine prefix features)
  set(archive ${hazptr_lib_dir}/lib${prefix}_hazptr.a)
  hazptr_engine(OUTPUT ${archive} FEATURE ${features} PREFIX ${prefix}_)

  set(header ${CMAKE_CURRENT_BINARY_DIR}/${prefix}.h)
  file(STRINGS ${hazptr_map} exports REGEX "^[ \t]*[a-z_]+;$")
  set(defines)
  foreach(export IN LISTS exports)
    string(REGEX MATCH "[a-z_]+" name ${export})
    string(APPEND defines "#define ${name} ${prefix}_${name}\n")
  endforeach()
  file(CONFIGURE OUTPUT ${header} CONTENT "${defines}")

  # The archive among the sources: it is built before the program is.
  add_executable(hunt-${prefix} hunt.c ${archive})
  target_include_directories(hunt-${prefix} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(hunt-${prefix} PRIVATE -include ${header})
  set_property(SOURCE hunt.c APPEND PROPERTY OBJECT_DEPENDS ${header})
  target_link_libraries(hunt-${prefix} PRIVATE ${archive} Threads::Threads)
endfunction()

add_executable(hunt hunt.c)
target_link_libraries(hunt PRIVATE hazptr_shared Threads::Threads)
configure_file(hunt.c cxx/hunt.cpp COPYONLY)
add_executable(hunt-cxx ${CMAKE_CURRENT_BINARY_DIR}/cxx/hunt.cpp)
target_include_directories(hunt-cxx PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(hunt-cxx PRIVATE hazptr_shared Threads::Threads)
hazptr_hunt_engine(widened test-widen)
hazptr_hunt_engine(weakened_no_barrier weaken-no-barrier)
hazptr_hunt_engine(weakened_plain_barrier weaken-plain-barrier,test-widen)

hazptr_run(hunt/clean "hunt;--seconds;5" rseq FALSE 60)
foreach(surroundings membarrier fence nolines)
  hazptr_run(hunt/clean "hunt;--seconds;2" ${surroundings} FALSE 60)
endforeach()
hazptr_run(hunt/clean-cxx "hunt-cxx;--seconds;1" rseq FALSE 60)
hazptr_run(hunt/clean-widened "hunt-widened;--seconds;5" rseq FALSE 60)

set(control "--expect;error;--seconds;10")
hazptr_run(hunt/control-no-wait "hunt;--wait;none;${control}" rseq TRUE 60)
hazptr_run(hunt/control-no-barrier "hunt-weakened_no_barrier;${control}" rseq TRUE 60)
hazptr_run(hunt/control-plain-barrier-widened "hunt-weakened_plain_barrier;${control}" rseq TRUE 60)

# The weakened engines are theirs alone.
set(shipped sh ${CMAKE_CURRENT_SOURCE_DIR}/shipped.sh ${hazptr_so})
add_test(NAME shipped-library-has-no-weakening-switch
         COMMAND ${shipped} ${hazptr_a} ${hazptr_map})
add_test(NAME shipped-library-check-knows-a-weakened-one
         COMMAND ${shipped} ${hazptr_lib_dir}/libweakened_no_barrier_hazptr.a ${hazptr_map})
set_tests_properties(shipped-library-check-knows-a-weakened-one PROPERTIES
  PASS_REGULAR_EXPRESSION "exports: weakened_no_barrier_hazptr_acquire")
