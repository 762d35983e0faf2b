# What each component links: how it is found, and what Debian calls it. The build includes this file,
# and it is installed with the package, so that both find the same things and say the same when
# something is missing.

# grant_find(<component> <missing>): finds what grant::<component> links, as imported targets, and sets
# <missing> to what is not there, in words; to nothing when all is there.
macro(grant_find component missing)
  set(${missing} "")
  if("${component}" STREQUAL "grant")
    grant_find_package(${missing} "a library of threads" libc6-dev Threads)
    grant_find_package(${missing} "{fmt} 9 or later" libfmt-dev fmt)
    grant_find_package(${missing} "nlohmann/json 3.11 or later" nlohmann-json3-dev nlohmann_json 3.11)
    grant_find_module(${missing} "toml++ 3.3 or later" libtomlplusplus-dev tomlplusplus tomlplusplus)
  elseif("${component}" STREQUAL "asio")
    grant_find_header(${missing} "standalone Asio 1.22 or later" libasio-dev asio.hpp)
  elseif("${component}" STREQUAL "mariadb")
    grant_find_module(${missing} "libmariadb 3.3 or later" libmariadb-dev libmariadb libmariadb>=3.3)
    grant_find_package(${missing} "OpenSSL" libssl-dev OpenSSL)  # what libmariadb's TLS is made with
  elseif("${component}" STREQUAL "postgres")
    grant_find_package(${missing} "libpq 14 or later" libpq-dev PostgreSQL 14)
    grant_find_package(${missing} "OpenSSL" libssl-dev OpenSSL)  # what libpq's TLS is made with
  elseif("${component}" STREQUAL "sqlite")
    grant_find_package(${missing} "SQLite 3.37 or later" libsqlite3-dev SQLite3 3.37)
  endif()
  if(NOT "${${missing}}" STREQUAL "")
    string(PREPEND ${missing} "grant::${component} needs ")
  endif()
endmacro()

# The rest is how. Macros, so that what a package sets is there for who asked.

macro(grant_note_missing missing what debian)
  if(NOT "${${missing}}" STREQUAL "")
    string(APPEND ${missing} ", and ")
  endif()
  string(APPEND ${missing} "${what}, which is not found (Debian: ${debian})")
endmacro()

macro(grant_find_package missing what debian package)
  find_package(${package} ${ARGN} QUIET)
  if(NOT ${package}_FOUND)
    grant_note_missing(${missing} "${what}" ${debian})
  endif()
endmacro()

# What only pkg-config knows: the target PkgConfig::<name>.
macro(grant_find_module missing what debian name module)
  if(NOT TARGET PkgConfig::${name})
    find_package(PkgConfig QUIET)
    if(NOT PkgConfig_FOUND)
      grant_note_missing(${missing} "pkg-config" pkg-config)
    else()
      pkg_check_modules(${name} QUIET IMPORTED_TARGET GLOBAL ${module})
      if(NOT ${name}_FOUND)
        grant_note_missing(${missing} "${what}" ${debian})
      endif()
    endif()
  endif()
endmacro()

# Headers that nothing knows: the directory GRANT_<NAME>_INCLUDE_DIR.
macro(grant_find_header missing what debian header)
  get_filename_component(grant_header_name ${header} NAME_WE)
  string(TOUPPER ${grant_header_name} grant_header_name)
  find_path(GRANT_${grant_header_name}_INCLUDE_DIR ${header})
  mark_as_advanced(GRANT_${grant_header_name}_INCLUDE_DIR)
  if(NOT GRANT_${grant_header_name}_INCLUDE_DIR)
    grant_note_missing(${missing} "${what}" ${debian})
  endif()
endmacro()
