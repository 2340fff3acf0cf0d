// Text → a JSON value, with the place of a syntax error.
#pragma once

#include <string_view>

#include <boost/json/parse_options.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"

namespace cattino::wire {

/// Bytes that are no UTF-8 are taken as they are: paths and variables may have them.
boost::json::parse_options json_options();

/// Parses all of `text`; the value lives in `memory`. May throw what Boost.JSON throws (no memory).
Result<boost::json::value> parse(
    boost::json::parser& parser, boost::json::storage_ptr memory, std::string_view text);

}  // namespace cattino::wire
