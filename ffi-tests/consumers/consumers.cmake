# SPDX-License-Identifier: MIT OR Apache-2.0
# Projects that use the library: consumers/NAME, after one installation for all of them.
if(HAZPTR_SANITIZE)
  return() # nothing of that is for installing
endif()

add_test(NAME consumers/prepare
         COMMAND ${CMAKE_CURRENT_LIST_DIR}/test.sh prepare ${PROJECT_BINARY_DIR})
set_tests_properties(consumers/prepare PROPERTIES FIXTURES_SETUP consumers TIMEOUT 60)
foreach(name find-package export subdirectory fetch-content pkg-config cargo beside-rust packager
        standards)
  add_test(NAME consumers/${name}
           COMMAND ${CMAKE_CURRENT_LIST_DIR}/test.sh ${name} ${PROJECT_BINARY_DIR})
  set_tests_properties(consumers/${name} PROPERTIES FIXTURES_REQUIRED consumers TIMEOUT 300)
endforeach()
