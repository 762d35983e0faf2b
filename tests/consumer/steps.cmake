# cmake -DSTEP=<step> -DBUILD=<build directory> -DWORK=<scratch> -DCOMPILER=<c++> -DGENERATOR=<name>
#       -DSOURCE=<Grant> -P steps.cmake
#
# What a user does with an installation. The steps:
#   install       installs the build into a prefix with a space in its name, and moves that; the
#                 others need it
#   find_package  builds and runs the consumer by CMake
#   pkg_config    the same by pkg-config
#   missing       what is not there is named: a component, a library, a library for Grant's own build
#   inside        builds and runs a consumer that has Grant's sources inside; needs no installation
set(prefix "${WORK}/moved prefix")
set(here ${WORK}/${STEP})
file(REMOVE_RECURSE ${here})
file(MAKE_DIRECTORY ${here})
set(warnings -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wpedantic -Werror)
list(JOIN warnings " " warnings_in_a_row)
set(printed "1 user, found 3 times, from primary/writer (sticky after a write)\n")
set(configure ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -G ${GENERATOR}
  "-DCMAKE_PREFIX_PATH=${prefix}" -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_BUILD_TYPE=Debug
  "-DCONSUMER_WARNINGS=${warnings_in_a_row}")

# must(<command> <argument>...): runs it, and keeps what it printed in `output`.
function(must)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${here} RESULT_VARIABLE status
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${status}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# must_print(<program>): runs the consumer.
function(must_print program)
  must(${program})
  if(NOT output STREQUAL printed)
    message(FATAL_ERROR "the consumer printed: ${output}")
  endif()
endfunction()

# must_fail(<words> <command> <argument>...): it fails, with these words, wherever lines were broken.
function(must_fail words)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${here} RESULT_VARIABLE status OUTPUT_QUIET
    ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " said "${output}")
  string(FIND "${said}" "${words}" at)
  if(status EQUAL 0 OR at EQUAL -1)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command} must fail with \"${words}\"; it gave ${status} and said:\n${output}")
  endif()
endfunction()

macro(step_install)
  file(REMOVE_RECURSE ${prefix})
  must(${CMAKE_COMMAND} --install ${BUILD} --prefix "${here}/first prefix")
  file(RENAME "${here}/first prefix" ${prefix})
  file(GLOB_RECURSE archives RELATIVE ${prefix} ${prefix}/*.a)
  if(NOT "${archives}" MATCHES "/libgrant\\.a" OR NOT "${archives}" MATCHES "/libgrant_sqlite\\.a")
    message(FATAL_ERROR "the archives are ${archives}")
  endif()
endmacro()

macro(step_find_package)
  must(${configure} -B ${here}/build)
  must(${CMAKE_COMMAND} --build ${here}/build)
  must_print(${here}/build/consumer)
  if(EXISTS ${BUILD}/src/asio)  # a build with that component
    must(${here}/build/awaiting)
  endif()
endmacro()

# Users may have either compiler. The shell reads what pkg-config quotes. Every component that is there
# can be linked, with all that it registers.
macro(step_pkg_config)
  file(GLOB_RECURSE files ${prefix}/*/grant.pc)
  get_filename_component(modules ${files} DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${modules})
  file(GLOB components RELATIVE ${modules} ${modules}/*.pc)
  list(TRANSFORM components REPLACE "\\.pc$" "")
  list(JOIN components " " components)
  foreach(compiler IN ITEMS g++ clang++)
    find_program(path_of_${compiler} ${compiler})
    if(path_of_${compiler})
      set(line "${compiler} -std=c++20 ${warnings_in_a_row} -c '${CMAKE_CURRENT_LIST_DIR}/main.cpp'")
      must(sh -c "eval \"${line} $(pkg-config --cflags grant_sqlite)\"")
      foreach(asked IN ITEMS grant_sqlite "--static grant_sqlite" "${components}" "--static ${components}")
        must(sh -c "eval \"${compiler} main.o -o consumer $(pkg-config --libs ${asked})\"")
        must_print(${here}/consumer)
      endforeach()
    endif()
  endforeach()
endmacro()

macro(step_missing)
  must_fail("has no component \"oracle\"" ${configure} -B ${here}/missing -DMORE_COMPONENTS=oracle)
  must_fail("grant::sqlite needs SQLite 3.37 or later, which is not found (Debian: libsqlite3-dev)"
    ${configure} -B ${here}/missing -DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON)
  must_fail("grant::grant needs {fmt} 9 or later, which is not found (Debian: libfmt-dev)"
    ${configure} -B ${here}/missing -DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON)

  set(build_grant ${CMAKE_COMMAND} -S ${SOURCE} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
    -DGRANT_TESTS=OFF -DGRANT_EXAMPLES=OFF -B ${here}/grant)
  must_fail("grant::postgres needs libpq 14 or later, which is not found (Debian: libpq-dev) (-DGRANT_POSTGRES=OFF builds without it)"
    ${build_grant} -DCMAKE_DISABLE_FIND_PACKAGE_PostgreSQL=ON)
  # Where nothing is known to pkg-config.
  set(ENV{PKG_CONFIG_LIBDIR} ${here})
  set(ENV{PKG_CONFIG_PATH} ${here})
  must_fail("(Debian: libtomlplusplus-dev)" ${configure} -B ${here}/no_modules)
  must_fail("(Debian: libtomlplusplus-dev)" ${build_grant}_no_modules)
  must_fail("(Debian: libmariadb-dev)" ${build_grant}_no_modules)
endmacro()

macro(step_inside)
  must(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/inside -G ${GENERATOR} -B ${here}/build
    -DGRANT_SOURCE_DIR=${SOURCE} -DCMAKE_CXX_COMPILER=${COMPILER} "-DCONSUMER_WARNINGS=${warnings_in_a_row}")
  must(${CMAKE_COMMAND} --build ${here}/build)
  must_print(${here}/build/consumer)
  file(GLOB_RECURSE installs ${here}/build/*/GrantConfig.cmake)
  if(installs)
    message(FATAL_ERROR "a part of another project must not be installed with it: ${installs}")
  endif()
endmacro()

cmake_language(CALL step_${STEP})
