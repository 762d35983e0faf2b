# cmake -DCOMPILER=<c++> -DINCLUDE=<include directory> -DSOURCE=<file> [-DPRECOMPILED=<header>]
#       -P check.cmake
# cmake -DCOMPILER=<c++> -DINCLUDE=<include directory> -DPRECOMPILE=<header> -P check.cmake
#
# Compiles SOURCE without making anything of it. What stands behind a "// says: " must be in an error
# message of the compiler. Where the first line has none, the compiler must also name the line below
# each. "// says: shows: " is for what it only shows of Grant's source. Without any of them, there
# must be no message at all.
set(compile ${COMPILER} -std=c++20 -Wall -Wextra -Werror -fno-diagnostics-color -I ${INCLUDE})
if(COMPILER MATCHES "clang")
  set(all_errors -ferror-limit=0)  # not only twenty
  set(compiled pch)
else()
  set(compiled gch)
endif()
if(PRECOMPILE)
  execute_process(COMMAND ${compile} -x c++-header ${PRECOMPILE} -o ${PRECOMPILE}.${compiled}
    COMMAND_ERROR_IS_FATAL ANY)
  return()
endif()
if(PRECOMPILED)
  list(APPEND compile -include ${PRECOMPILED})
  if(compiled STREQUAL gch)
    list(APPEND compile -Winvalid-pch)  # or it would be left unused without a word
  endif()
endif()

file(READ ${SOURCE} text)  # not STRINGS, which spoils semicolons
execute_process(
  COMMAND ${compile} ${all_errors} -fsyntax-only ${SOURCE}
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(NOT text MATCHES "// says: ")
  if(NOT status EQUAL 0 OR NOT output STREQUAL "")
    message(FATAL_ERROR "${SOURCE} must compile without a message:\n${output}")
  endif()
  return()
endif()
if(status EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles, and must not")
endif()

function(expect_output wanted where)
  string(FIND "${where}" "${wanted}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${SOURCE} must be refused with \"${wanted}\":\n${output}")
  endif()
endfunction()

# Without the lines of source that the compiler shows.
string(REGEX MATCHALL "error: [^\n]*" messages "${output}")
get_filename_component(file ${SOURCE} NAME)
string(FIND "${text}" "// says: " first)
set(line 0)
while(NOT text STREQUAL "")
  math(EXPR line "${line} + 1")
  string(FIND "${text}" "\n" end)
  string(SUBSTRING "${text}" 0 ${end} here)
  if(end EQUAL -1)
    set(text "")
  else()
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${text}" ${end} -1 text)
  endif()
  if(NOT here MATCHES "^// says: (.*)$")
    continue()
  endif()
  set(wanted "${CMAKE_MATCH_1}")
  if(wanted MATCHES "^shows: (.*)$")
    expect_output("${CMAKE_MATCH_1}" "${output}")
  else()
    expect_output("${wanted}" "${messages}")
  endif()
  if(first GREATER 0)
    math(EXPR next "${line} + 1")
    expect_output("${file}:${next}:" "${output}")
  endif()
endwhile()
