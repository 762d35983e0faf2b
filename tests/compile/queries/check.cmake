# cmake -DCOMPILER=<c++> -DINCLUDE=<include directory> -DSOURCE=<file> -P check.cmake
#
# Compiles SOURCE without making anything of it. What stands behind "// says: " on its first line
# must be in an error message of the compiler; without that, there must be no message at all.
file(READ ${SOURCE} text)  # not STRINGS, which spoils semicolons
execute_process(
  COMMAND ${COMPILER} -std=c++20 -fsyntax-only -Wall -Wextra -Werror -fno-diagnostics-color
          -I ${INCLUDE} ${SOURCE}
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(NOT text MATCHES "^// says: ([^\n]*)")
  if(NOT status EQUAL 0 OR NOT output STREQUAL "")
    message(FATAL_ERROR "${SOURCE} must compile without a message:\n${output}")
  endif()
  return()
endif()
set(wanted "${CMAKE_MATCH_1}")
if(status EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles, and must not")
endif()
string(FIND "${output}" "${wanted}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${SOURCE} must be refused with \"${wanted}\":\n${output}")
endif()
