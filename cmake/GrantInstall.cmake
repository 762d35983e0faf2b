install(TARGETS grant_grant)
