# What `cmake --install` puts where, so that find_package(Grant COMPONENTS …) and pkg-config find it.

include(CMakePackageConfigHelpers)
set(grant_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Grant)

# From where the .pc files are to what they name: an installation may be moved as a whole.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(grant_pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
  set(grant_pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  set(grant_pc_libdir "\${pcfiledir}/${up}${CMAKE_INSTALL_LIBDIR}")
  set(grant_pc_includedir "\${pcfiledir}/${up}${CMAKE_INSTALL_INCLUDEDIR}")
endif()

# grant_install(<component> <description> [REQUIRES <pkg-config module>...] [LINKS <option>...]
# [INCLUDES <directory>...]): installs the library of one component, and what finds it.
#
# The modules are all required, and none in private: Grant is static, so every link needs them.
function(grant_install component description)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "REQUIRES;LINKS;INCLUDES")
  install(TARGETS grant_${component} EXPORT grant_${component}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT grant_${component} FILE ${component}.cmake NAMESPACE grant::
    DESTINATION ${grant_package_dir}/components)

  get_target_property(name grant_${component} OUTPUT_NAME)
  get_target_property(options grant_${component} INTERFACE_LINK_OPTIONS)
  get_target_property(definitions grant_${component} INTERFACE_COMPILE_DEFINITIONS)
  set(link_options "")
  if(options)
    list(TRANSFORM options REPLACE "^LINKER:" "-Wl,")
    list(JOIN options " " link_options)
  endif()
  set(compile_options "")
  if(definitions)
    list(TRANSFORM definitions PREPEND "-D")
    list(JOIN definitions " " compile_options)
  endif()
  list(REMOVE_ITEM arg_INCLUDES ${CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES})
  foreach(directory IN LISTS arg_INCLUDES)
    string(APPEND compile_options " -isystem ${directory}")
  endforeach()
  list(JOIN arg_LINKS " " links)
  list(JOIN arg_REQUIRES ", " requires)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/grant.pc.in ${PROJECT_BINARY_DIR}/pkgconfig/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/pkgconfig/${name}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

grant_install(grant "Many databases as one: models, routing, pools"
  REQUIRES fmt tomlplusplus "nlohmann_json >= 3.11")
if(GRANT_ASIO)
  grant_install(asio "Grant on an Asio event loop" REQUIRES "grant = ${PROJECT_VERSION}"
    INCLUDES ${GRANT_ASIO_INCLUDE_DIR})
endif()
if(GRANT_MARIADB)
  grant_install(mariadb "Grant's driver for MariaDB"
    REQUIRES "grant = ${PROJECT_VERSION}" "libmariadb >= 3.3" libcrypto)
endif()
if(GRANT_POSTGRES)
  # Not the module libpq: with --static it asks for what libpq is made of, which Debian does not have.
  get_filename_component(libpq_dir ${PostgreSQL_LIBRARY_DIRS} REALPATH)
  set(libpq -lpq)
  if(NOT libpq_dir IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
    set(libpq -L${libpq_dir} -lpq)
  endif()
  grant_install(postgres "Grant's driver for PostgreSQL" REQUIRES "grant = ${PROJECT_VERSION}" libcrypto
    LINKS ${libpq})
endif()
if(GRANT_SQLITE)
  grant_install(sqlite "Grant's driver for SQLite"
    REQUIRES "grant = ${PROJECT_VERSION}" "sqlite3 >= 3.37")
endif()

install(DIRECTORY include/grant DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.hpp)

configure_package_config_file(cmake/GrantConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/GrantConfig.cmake
  INSTALL_DESTINATION ${grant_package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/GrantConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES cmake/GrantDependencies.cmake ${CMAKE_CURRENT_BINARY_DIR}/GrantConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/GrantConfigVersion.cmake DESTINATION ${grant_package_dir})
