# SPDX-License-Identifier: MIT OR Apache-2.0
# The structures of examples/: sequential behaviour and stress as they are; linearizability with
# delays in them (disturb.h); and mutants of them, each of which has to be found.
set(structures stack queue set)
set(structures_dir ${CMAKE_CURRENT_SOURCE_DIR}/structures)
set(structures_examples ${PROJECT_SOURCE_DIR}/examples)
set(structures_harness ${structures_dir}/subject.c ${structures_dir}/specification.c)

# structures_program(name main source...): those sources of structures that are given are disturbed.
function(structures_program name main)
  add_executable(${name} ${structures_dir}/${main}.c ${structures_harness} ${ARGN})
  target_include_directories(${name} PRIVATE ${structures_examples})
  target_link_libraries(${name} PRIVATE hazptr_shared Threads::Threads)
endfunction()

function(structures_disturbed name)
  structures_program(${name} histories ${structures_dir}/checker.c ${structures_dir}/disturb.c ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES
    COMPILE_OPTIONS "-include;${structures_dir}/disturb.h")
endfunction()

# The stress has the structures as they are; how a source is compiled is one thing for all targets.
foreach(structure IN LISTS structures)
  list(APPEND sources ${structures_examples}/${structure}.c)
  configure_file(${structures_examples}/${structure}.c structures/plain/${structure}.c COPYONLY)
  list(APPEND plain ${CMAKE_CURRENT_BINARY_DIR}/structures/plain/${structure}.c)
endforeach()
structures_program(structures-stress stress ${plain})
structures_disturbed(structures-histories ${sources})

function(structures_test name surroundings)
  add_test(NAME structures/${name}/${surroundings} COMMAND ${ARGN})
  set(environment HAZPTR_EXPECT=${surroundings} HAZPTR_MODE=${surroundings})
  if(surroundings STREQUAL nolines)
    set(environment HAZPTR_EXPECT=rseq HAZPTR_MAX_LINES=0)
  elseif(surroundings STREQUAL debug)
    set(environment HAZPTR_EXPECT=fence HAZPTR_DEBUG=abort)
  endif()
  set_tests_properties(structures/${name}/${surroundings} PROPERTIES
    ENVIRONMENT "${environment}" TIMEOUT 120)
endfunction()

foreach(structure IN LISTS structures)
  foreach(surroundings rseq membarrier fence nolines debug)
    if(surroundings IN_LIST hazptr_surroundings)
      structures_test(stress-${structure} ${surroundings} structures-stress ${structure})
      structures_test(histories-${structure} ${surroundings} structures-histories ${structure})
    endif()
  endforeach()
endforeach()

# --- what has to be found ------------------------------------------------------------------------

if(HAZPTR_SANITIZE)
  return()
endif()

function(structures_found name structure complaint)
  add_test(NAME structures/found/${name} COMMAND ${structures_dir}/found.sh "${complaint}" ${ARGN})
  set_tests_properties(structures/found/${name} PROPERTIES TIMEOUT 120 ENVIRONMENT HAZPTR_MODE=rseq)
endfunction()

# One thing taken for another.
structures_found(stack-as-queue stack "not linearizable"
  $<TARGET_FILE:structures-histories> stack --as queue)
structures_found(queue-as-stack queue "not linearizable"
  $<TARGET_FILE:structures-histories> queue --as stack)

function(structures_mutant name structure)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "COMPLAINT" "")
  file(READ ${structures_examples}/${structure}.c text)
  set(replacements ${arg_UNPARSED_ARGUMENTS})
  # Semicolons are list separators: the arguments are taken one by one.
  set(last ${ARGC})
  math(EXPR last "${ARGC} - 1")
  foreach(at RANGE 4 ${last} 2)
    math(EXPR next "${at} + 1")
    string(FIND "${text}" "${ARGV${at}}" found)
    if(found EQUAL -1)
      message(FATAL_ERROR "mutant ${structure}-${name}: not in examples/${structure}.c:\n${ARGV${at}}")
    endif()
    string(REPLACE "${ARGV${at}}" "${ARGV${next}}" text "${text}")
  endforeach()
  set(mutant structures-${structure}-${name})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/structures/${mutant}.c)
  file(CONFIGURE OUTPUT ${source} CONTENT "${text}" @ONLY)
  list(FILTER sources EXCLUDE REGEX "/${structure}\\.c$")
  structures_disturbed(${mutant} ${source} ${sources})
  target_compile_options(${mutant} PRIVATE -Wno-unused-function)
  structures_found(${structure}-${name} ${structure} "${arg_COMPLAINT}"
    $<TARGET_FILE:${mutant}> ${structure} --histories 200000)
endfunction()

include(structures/mutants.cmake)
