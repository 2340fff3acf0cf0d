// The table of verbs.
#include "server/router.h"

#include <array>
#include <optional>

#include <fmt/core.h>

#include "base/text.h"
#include "server/limits.h"
#include "server/verbs/verbs.h"
#include "wire/json.h"
#include "wire/problem.h"
#include "wire/verbs.h"

namespace cattino::server {

namespace {

using Handle = void (*)(Context&, const Request&, const Responder&);

struct Route {
  std::string_view method;
  std::string_view path;  ///< {}: any one part
  Handle handle;          ///< null: the body is taken as it arrives
};

constexpr std::array routes = {
    Route{"POST", "/v1/submissions", nullptr},
    Route{"GET", "/v1/tasks", verbs::list},
    Route{"GET", "/v1/tasks/{}", verbs::show},
    Route{"POST", "/v1/cancel", verbs::cancel},
    Route{"POST", "/v1/kill", verbs::kill},
    Route{"POST", "/v1/resume", verbs::resume},
    Route{"POST", "/v1/remove", verbs::remove},
    Route{"POST", "/v1/wait", verbs::wait},
    Route{"GET", "/v1/feed", verbs::feed},
    Route{"GET", "/v1/devices", verbs::devices},
    Route{"GET", "/v1/health", verbs::health},
    Route{"POST", "/v1/exit", verbs::exit},
    Route{"POST", "/v1/set-aside", verbs::set_aside},
    Route{"POST", "/v1/end-unknown", verbs::end_unknown},
    Route{"POST", "/v1/hosts/{}", verbs::host},
};

/// Takes a body whole, then calls the verb.
class WholeBody : public Body {
 public:
  WholeBody(Context& context, Handle handle, Request request, Responder responder)
      : context_(context),
        handle_(handle),
        request_(std::move(request)),
        responder_(std::move(responder)) {}

  [[nodiscard]] std::uint64_t limit() const override { return body_bytes_max; }

  bool take(std::string_view piece) override {
    if (request_.body.size() + piece.size() > body_bytes_max) {
      responder_.fail(Error{
          ErrorCode::too_large, fmt::format("the body is over the limit of {}", body_bytes_max)});
      return false;
    }
    request_.body += piece;
    return true;
  }

  void end() override { handle_(context_, request_, responder_); }

 private:
  Context& context_;
  Handle handle_;
  Request request_;
  Responder responder_;
};

/// True if the path is the route's; then `argument` is what stood for {}.
bool matches(const Route& route, const Request& request, std::string& argument) {
  std::string_view rest = route.path.substr(1);
  for (const std::string& part : request.parts) {
    const std::string_view expected = rest.substr(0, rest.find('/'));
    if (expected == "{}") {
      argument = part;
    } else if (expected != part) {
      return false;
    }
    rest.remove_prefix(std::min(rest.size(), expected.size() + 1));
  }
  return rest.empty() && !request.parts.empty();
}

void not_found(const Request& request, const Responder& responder) {
  std::vector<std::string> paths;
  paths.reserve(routes.size());
  for (const Route& route : routes) {
    paths.emplace_back(route.path);
  }
  const std::optional<std::string> near = nearest(request.path, paths);
  responder.fail(Error{
      ErrorCode::not_found,
      fmt::format("there is nothing at {}", request.path),
      {},
      near ? fmt::format("did you mean {}?", *near) : std::string{}});
}

void wrong_method(const Request& request, std::string allowed, const Responder& responder) {
  wire::Problem problem;
  problem.title = "Wrong method";
  problem.status = 405;
  problem.detail =
      fmt::format("{} does not take {}, but {}", request.path, request.method, allowed);
  Response response;
  response.status = problem.status;
  response.content_type = "application/problem+json";
  response.body = wire::to_json(problem);
  response.allow = std::move(allowed);
  responder.send(std::move(response));
}

std::unique_ptr<Body> open(Context& context, Request request, Responder responder) {
  std::string allowed;
  for (const Route& route : routes) {
    if (!matches(route, request, request.argument)) {
      continue;
    }
    if (route.method != request.method) {
      allowed = route.method;
      continue;
    }
    context.engine.touch();
    if (route.handle == nullptr) {
      return verbs::create(context, std::move(responder));
    }
    return std::make_unique<WholeBody>(
        context, route.handle, std::move(request), std::move(responder));
  }
  if (allowed.empty()) {
    not_found(request, responder);
  } else {
    wrong_method(request, std::move(allowed), responder);
  }
  return nullptr;
}

}  // namespace

Open route_to(Context context) {
  const auto shared = std::make_shared<Context>(std::move(context));
  return [shared](Request request, Responder responder) {
    return open(*shared, std::move(request), std::move(responder));
  };
}

namespace {

void set_aside(const Refusal& refusal, const Responder& responder) {
  const Result<std::string> moved = refusal.set_aside();
  if (moved) {
    responder.send(wire::to_json(wire::SetAside{*moved}));
  } else {
    responder.fail(moved.error());
  }
}

}  // namespace

Open refuse_all(const Error& reason, Refusal refusal) {
  Error told = reason;
  // One that cannot be read may be set aside; all else is over when its cause is.
  const bool damaged = reason.code == ErrorCode::corrupt;
  told.code = damaged ? ErrorCode::corrupt : ErrorCode::unavailable;
  told.field = {};
  return [told, damaged, refusal = std::move(refusal)](
             const Request& request, const Responder& responder) {
    const bool keep_tasks = request.path != "/v1/exit" || request.method != "POST";
    if (!keep_tasks) {
      responder.send(wire::to_json(wire::ExitAnswer{}));
    } else if (damaged && request.path == "/v1/set-aside" && request.method == "POST") {
      set_aside(refusal, responder);
    } else {
      responder.fail(told);
    }
    refusal.leave(keep_tasks);
    return std::unique_ptr<Body>{};
  };
}

}  // namespace cattino::server
