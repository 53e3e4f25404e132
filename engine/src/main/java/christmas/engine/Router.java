package christmas.engine;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import io.kestra.core.exceptions.ConflictException;
import io.kestra.core.exceptions.DeserializationException;
import io.kestra.core.exceptions.FlowProcessingException;
import io.kestra.core.exceptions.InputOutputValidationException;
import io.kestra.core.exceptions.InvalidException;
import io.kestra.core.exceptions.InvalidQueryFiltersException;
import io.kestra.core.exceptions.NotFoundException;
import io.kestra.core.exceptions.ResourceExpiredException;
import io.kestra.core.serializers.JacksonMapper;
import jakarta.validation.ConstraintViolationException;
import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.DateTimeException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The HTTP that the API needs: paths with names in them, queries, forms, JSON answers, and Kestra's shape of an error. */
final class Router implements HttpHandler {
    /** Larger than anything that is sent to it; the door in front holds the limit that callers see. */
    private static final int MAX_BODY = 16 << 20;

    private static final Logger LOG = LoggerFactory.getLogger(Router.class);
    /** As Kestra's web server writes: its own mapper, and durations as text. */
    private static final ObjectMapper JSON =
        JacksonMapper.ofJson().copy().configure(SerializationFeature.WRITE_DURATIONS_AS_TIMESTAMPS, false);
    private static final Pattern DISPOSITION = Pattern.compile("\\bname=\"([^\"]*)\"(?:.*\\bfilename=\"([^\"]*)\")?");

    private final List<Route> routes = new ArrayList<>();
    private volatile Login login;

    /** What a route does with a request. */
    @FunctionalInterface
    interface Action {
        Reply run(Request request) throws Exception;
    }

    /** What a route takes: any content type, or these alone. A request without a body says none, and is taken. */
    private record Route(String method, List<String> path, List<String> consumes, Action action) {
        /** The content type of a request, where this route does not take it. */
        Optional<String> refuses(HttpExchange exchange) {
            return Optional.ofNullable(exchange.getRequestHeaders().getFirst("Content-Type"))
                .filter(type -> !consumes.isEmpty() && !method.equals("GET"))
                .filter(type -> consumes.stream().noneMatch(type.split(";", 2)[0].trim()::equalsIgnoreCase));
        }

        /** The values of the names in the path, or nothing when it is another path. */
        Optional<Map<String, String>> match(List<String> actual) {
            if (actual.size() != path.size()) {
                return Optional.empty();
            }
            Map<String, String> values = new HashMap<>();
            for (int i = 0; i < path.size(); i++) {
                String expected = path.get(i);
                if (expected.startsWith("{")) {
                    values.put(expected.substring(1, expected.length() - 1), actual.get(i));
                } else if (!expected.equals(actual.get(i))) {
                    return Optional.empty();
                }
            }
            return Optional.of(values);
        }
    }

    /** An answer: its status, its content type, and a body that is written as JSON unless it is a text of another type. */
    record Reply(int status, Object body, String type) {
        static Reply json(int status, Object body) {
            return new Reply(status, body, "application/json");
        }

        static Reply ok(Object body) {
            return json(200, body);
        }

        static Reply error(int status, String message) {
            return json(status, Map.of("message", message));
        }

        static Reply found(Optional<?> body) {
            return body.map(Reply::ok).orElseGet(() -> error(404, "Not Found"));
        }
    }

    /** One part of a form; the file name is null for a plain field. */
    record Part(String name, String filename, String content) {}

    /** A request, read whole. */
    record Request(
        String method, URI uri, Map<String, String> path, Map<String, List<String>> query, Map<String, List<String>> headers, byte[] raw) {

        String path(String name) {
            return path.get(name);
        }

        List<String> all(String name) {
            return query.getOrDefault(name, List.of());
        }

        Optional<String> first(String name) {
            return all(name).stream().filter(value -> !value.isBlank()).findFirst();
        }

        boolean flag(String name) {
            return first(name).map(Boolean::parseBoolean).orElse(false);
        }

        Optional<Integer> number(String name) {
            return first(name).map(Integer::valueOf);
        }

        Optional<String> header(String name) {
            return headers.entrySet().stream()
                .filter(entry -> entry.getKey().equalsIgnoreCase(name))
                .flatMap(entry -> entry.getValue().stream())
                .findFirst();
        }

        String text() {
            return new String(raw, StandardCharsets.UTF_8);
        }

        /** The parts of a form; none when the request has no form. */
        List<Part> parts() {
            Matcher boundary = Pattern.compile("boundary=\"?([^\";]+)").matcher(header("Content-Type").orElse(""));
            if (!boundary.find()) {
                return List.of();
            }
            // One character for each byte: cut first, decode after.
            String whole = "\r\n" + new String(raw, StandardCharsets.ISO_8859_1);
            List<Part> parts = new ArrayList<>();
            for (String piece : whole.split(Pattern.quote("\r\n--" + boundary.group(1)), -1)) {
                int end = piece.indexOf("\r\n\r\n");
                if (end < 0) {
                    continue;
                }
                String head = new String(piece.substring(0, end).getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
                Matcher name = DISPOSITION.matcher(head);
                if (name.find()) {
                    if (name.group(1).isEmpty()) {
                        // The decoder of Kestra's web server takes no part without a name.
                        throw new IllegalArgumentException("Param 'name' must not be empty");
                    }
                    byte[] content = piece.substring(end + 4).getBytes(StandardCharsets.ISO_8859_1);
                    parts.add(new Part(name.group(1), name.group(2), new String(content, StandardCharsets.UTF_8)));
                }
            }
            return parts;
        }
    }

    /** The user and the password that the paths below {@code protects} need, but for those below {@code open}. */
    private record Login(byte[] credentials, String protects, String open) {
        boolean lets(HttpExchange exchange) {
            String path = exchange.getRequestURI().getRawPath();
            if (!path.startsWith(protects) || path.startsWith(open)) {
                return true;
            }
            String given = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization")).orElse("");
            if (!given.regionMatches(true, 0, "Basic ", 0, 6)) {
                return false;
            }
            try {
                return MessageDigest.isEqual(credentials, Base64.getDecoder().decode(given.substring(6).trim()));
            } catch (IllegalArgumentException e) {
                return false;
            }
        }
    }

    /** Protects the paths below one by basic auth, but for those below another. */
    void protect(String user, String password, String protects, String open) {
        login = new Login((user + ":" + password).getBytes(StandardCharsets.UTF_8), protects, open);
    }

    /** Adds a route that takes JSON, as one of Kestra's does that says nothing else, or no body. */
    void add(String method, String path, Action action) {
        add(method, path, List.of("application/json"), action);
    }

    /**
     * Adds a route that takes the content types {@code consumes} (none: any). The first that matches answers, so the narrower ones
     * are added first.
     */
    void add(String method, String path, List<String> consumes, Action action) {
        routes.add(new Route(method, segments(path), consumes, action));
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            Reply reply = answer(exchange);
            byte[] body = reply.body() == null ? new byte[0]
                : reply.body() instanceof String text && !reply.type().contains("json") ? text.getBytes(StandardCharsets.UTF_8)
                : JSON.writeValueAsBytes(reply.body());
            if (body.length > 0) {
                exchange.getResponseHeaders().set("Content-Type", reply.type());
            }
            if (reply.status() == 401) {
                exchange.getResponseHeaders().set("WWW-Authenticate", "Basic");
            }
            exchange.sendResponseHeaders(reply.status(), body.length == 0 ? -1 : body.length);
            if (body.length > 0) {
                exchange.getResponseBody().write(body);
            }
        }
    }

    private Reply answer(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY + 1);
        if (body.length > MAX_BODY) {
            return Reply.error(413, "Request Entity Too Large");
        }
        Login needed = login;
        if (needed != null && !needed.lets(exchange)) {
            return Reply.json(401, null);
        }
        List<String> path = segments(exchange.getRequestURI().getRawPath());
        boolean known = false;
        for (Route route : routes) {
            Optional<Map<String, String>> values = route.match(path);
            if (values.isPresent() && route.method().equals(exchange.getRequestMethod())) {
                Optional<String> refused = route.refuses(exchange);
                if (refused.isPresent()) {
                    return Reply.error(415, "Content Type [" + refused.get() + "] not allowed. Allowed types: " + route.consumes());
                }
                return run(route.action(), new Request(route.method(), exchange.getRequestURI(), values.get(),
                    query(exchange.getRequestURI().getRawQuery()), new LinkedHashMap<>(exchange.getRequestHeaders()), body));
            }
            known |= values.isPresent();
        }
        return known ? Reply.error(405, "Method Not Allowed") : Reply.error(404, "Page Not Found");
    }

    private static Reply run(Action action, Request request) {
        try {
            return action.run(request);
        } catch (Exception e) {
            Throwable cause = e instanceof FlowProcessingException && e.getCause() != null ? e.getCause() : e;
            return switch (cause) {
                case NoSuchElementException x -> Reply.error(404, "Not Found: " + x.getMessage());
                case NotFoundException x -> Reply.error(404, "Not Found: " + x.getMessage());
                case ResourceExpiredException x -> Reply.error(410, "Resource has expired: " + x.getMessage());
                case ConflictException x -> Reply.error(409, x.getMessage());
                case IllegalStateException x -> Reply.error(409, "Illegal state: " + x.getMessage());
                case InvalidQueryFiltersException x -> Reply.error(400, x.getMessage());
                case NumberFormatException x -> Reply.error(400, "Not a number: " + x.getMessage());
                case DateTimeException x -> Reply.error(400, x.getMessage());
                case ConstraintViolationException x -> Reply.error(422, "Invalid entity: " + x.getMessage());
                case DeserializationException x -> Reply.error(422, "Invalid entity: " + x.getMessage());
                case InputOutputValidationException x -> Reply.error(422, "Invalid entity: " + x.getMessage());
                case InvalidException x -> Reply.error(422, "Invalid entity: " + x.getMessage());
                case IllegalArgumentException x -> Reply.error(422, "Illegal argument: " + x.getMessage());
                default -> {
                    // The path of a webhook ends with its key: the route is enough to find the fault.
                    LOG.error("{} failed", request.method(), cause);
                    yield Reply.error(500, "Internal Server Error");
                }
            };
        }
    }

    private static List<String> segments(String path) {
        List<String> segments = new ArrayList<>();
        for (String segment : path.substring(1).split("/", -1)) {
            segments.add(decode(segment.replace("+", "%2B")));
        }
        return segments;
    }

    private static Map<String, List<String>> query(String raw) {
        Map<String, List<String>> query = new LinkedHashMap<>();
        if (raw != null) {
            for (String pair : raw.split("&")) {
                String[] sides = pair.split("=", 2);
                query.computeIfAbsent(decode(sides[0]), name -> new ArrayList<>()).add(sides.length < 2 ? "" : decode(sides[1]));
            }
        }
        return query;
    }

    private static String decode(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            // A stray percent sign: taken as it stands, it matches nothing.
            return text;
        }
    }
}
