// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * For sources that are written for C++26: puts its hazard pointers into std, if the standard library has
 * none. Then HAZPTR_IN_STD is defined. The language forbids programs to add to std; whoever includes
 * this file has decided that this one does.
 */
#ifndef HAZPTR_STD_HPP
#define HAZPTR_STD_HPP

#if __has_include(<version>)
#include <version>
#endif

#if defined(__cpp_lib_hazard_pointer) && __has_include(<hazard_pointer>)
#include <hazard_pointer>
#else
#include <hazptr/hazptr.hpp>
#define HAZPTR_IN_STD 1

namespace std
{
using ::hazptr::hazard_pointer;
using ::hazptr::hazard_pointer_obj_base;
using ::hazptr::make_hazard_pointer;
#if __cplusplus >= 202002L
using ::hazptr::clear_hazard_pointer_batch;
using ::hazptr::make_hazard_pointer_batch;
#endif
} // namespace std
#endif

#endif // HAZPTR_STD_HPP
