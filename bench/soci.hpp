#pragma once

// What to include SOCI by.
#include <soci/soci-config.h>
// Debian's SOCI was built where Boost is. Only templates that nothing here uses need it.
#undef SOCI_HAVE_BOOST
#undef SOCI_HAVE_BOOST_DATE_TIME
#include <soci/soci.h>
