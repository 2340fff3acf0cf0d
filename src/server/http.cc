// The way back to a client that may be gone.
#include "server/http.h"

#include "host/channel.h"
#include "wire/json.h"
#include "wire/problem.h"

namespace cattino::server {

void Responder::send(Response response) const {
  if (const auto exchange = exchange_.lock()) {
    exchange->send(std::move(response));
  }
}

void Responder::fail(const Error& error) const {
  fail(wire::problem_of(error));
}

void Responder::fail(const wire::Problem& problem) const {
  Response response;
  response.status = problem.status;
  response.body = wire::to_json(problem);
  response.content_type = "application/problem+json";
  send(std::move(response));
}

void Responder::begin(std::string content_type) const {
  if (const auto exchange = exchange_.lock()) {
    exchange->begin(std::move(content_type));
  }
}

void Responder::write(std::string piece) const {
  if (const auto exchange = exchange_.lock()) {
    exchange->write(std::move(piece));
  }
}

std::size_t Responder::unsent_bytes() const {
  const auto exchange = exchange_.lock();
  return exchange ? exchange->unsent_bytes() : 0;
}

void Responder::on_sent(std::function<void()> callback) const {
  if (const auto exchange = exchange_.lock()) {
    exchange->on_sent(std::move(callback));
  }
}

void Responder::keep(std::shared_ptr<void> what) const {
  if (const auto exchange = exchange_.lock()) {
    exchange->keep(std::move(what));
  }
}

std::unique_ptr<host::Channel> Responder::channel() const {
  const auto exchange = exchange_.lock();
  return exchange ? exchange->channel() : nullptr;
}

void Responder::upgrade() const {
  if (const auto exchange = exchange_.lock()) {
    exchange->upgrade();
  }
}

}  // namespace cattino::server
