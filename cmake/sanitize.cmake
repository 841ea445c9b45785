# SPDX-License-Identifier: MIT OR Apache-2.0
# HAZPTR_SANITIZE=address|thread|undefined: the C tests, and for the first two the engine too, are
# built with a sanitizer; scripts/sanitize.sh runs them. Nothing of such a build is for installing.
#
# The engine then comes as a static library only, in which the sanitizer's functions are undefined:
# each program brings those of its own compiler, gcc's or clang's. hazptr_shared is that library.

set(HAZPTR_SANITIZE "" CACHE STRING "Sanitizer to build the tests with")
set_property(CACHE HAZPTR_SANITIZE PROPERTY STRINGS "" address thread undefined)
if(NOT HAZPTR_SANITIZE MATCHES "^(address|thread|undefined|)$")
  message(FATAL_ERROR "HAZPTR_SANITIZE=${HAZPTR_SANITIZE}: not one of address, thread, undefined")
endif()

# The flags of RUSTFLAGS are the builder's to choose, as are those of its cargo's settings.
set(hazptr_cargo_environment)
set(hazptr_link_options)
if(NOT HAZPTR_STRIP)
  set(hazptr_link_options --unstripped)
endif()
set(hazptr_static_only FALSE)

if(HAZPTR_SANITIZE MATCHES "^(address|thread)$")
  # No nightly compiler: the flag alone is what is not stable. Naming the target (CMakeLists.txt)
  # keeps it away from build scripts. Rust's core library is not instrumented; newer compilers want
  # that confirmed.
  set(flags -Zsanitizer=${HAZPTR_SANITIZE})
  if(HAZPTR_SANITIZE STREQUAL thread)
    string(APPEND flags " --cfg hazptr_no_assembly")
  endif()
  execute_process(COMMAND rustc -C help OUTPUT_VARIABLE help)
  if(help MATCHES "unsafe-allow-abi-mismatch")
    string(APPEND flags " -Cunsafe-allow-abi-mismatch=sanitizer")
  endif()
  set(hazptr_cargo_environment --unset=CARGO_ENCODED_RUSTFLAGS RUSTC_BOOTSTRAP=1 RUSTFLAGS=${flags})
  set(hazptr_link_options --sanitized)
  set(hazptr_static_only TRUE)
endif()

# Where the tests run (ffi-tests/CMakeLists.txt). No sanitizer goes with valgrind. ThreadSanitizer
# sees no assembly: hazards of the restartable sequences would not be there for it. (Without lines,
# no sequence gets as far as its commit.)
set(hazptr_surroundings rseq membarrier fence nolines norseq valgrind debug)
if(HAZPTR_SANITIZE STREQUAL thread)
  set(hazptr_surroundings membarrier fence nolines)
elseif(HAZPTR_SANITIZE)
  list(REMOVE_ITEM hazptr_surroundings valgrind)
endif()

if(HAZPTR_SANITIZE)
  add_compile_options(-fsanitize=${HAZPTR_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HAZPTR_SANITIZE})
  if(CMAKE_C_COMPILER_ID STREQUAL GNU)
    # What it instruments it also takes for uninitialised, as its manual says.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()
if(hazptr_static_only)
  # A program's own definition comes before the library's, as if that were shared.
  add_link_options(-Wl,--allow-multiple-definition)
endif()
