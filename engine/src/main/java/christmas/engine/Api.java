package christmas.engine;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.kestra.core.exceptions.FlowProcessingException;
import io.kestra.core.http.HttpRequest;
import io.kestra.core.http.HttpResponse;
import io.kestra.core.models.Label;
import io.kestra.core.models.QueryFilter;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.ExecutionKilled;
import io.kestra.core.models.executions.ExecutionKilledExecution;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowSource;
import io.kestra.core.models.flows.FlowWithException;
import io.kestra.core.models.flows.State;
import io.kestra.core.models.kv.KVType;
import io.kestra.core.queues.QueueException;
import io.kestra.core.queues.QueueFactoryInterface;
import io.kestra.core.queues.QueueInterface;
import io.kestra.core.repositories.ArrayListTotal;
import io.kestra.core.repositories.ExecutionRepositoryInterface;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.repositories.KvMetadataRepositoryInterface;
import io.kestra.core.repositories.LogRepositoryInterface;
import io.kestra.core.runners.ConcurrencyLimit;
import io.kestra.core.runners.FlowInputOutput;
import io.kestra.core.runners.RunContextFactory;
import io.kestra.core.serializers.JacksonMapper;
import io.kestra.core.services.ConcurrencyLimitService;
import io.kestra.core.services.ExecutionService;
import io.kestra.core.services.ExecutionStreamingService;
import io.kestra.core.services.FlowService;
import io.kestra.core.services.WebhookService;
import io.kestra.core.storages.StorageInterface;
import io.kestra.core.storages.kv.InternalKVStore;
import io.kestra.core.storages.kv.KVMetadata;
import io.kestra.core.storages.kv.KVStore;
import io.kestra.core.storages.kv.KVValueAndMetadata;
import io.kestra.plugin.core.flow.Pause;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.kestra.plugin.core.trigger.WebhookContext;
import io.micronaut.context.ApplicationContext;
import io.micronaut.core.type.GenericArgument;
import io.micronaut.data.model.Pageable;
import io.micronaut.data.model.Sort;
import io.micronaut.inject.qualifiers.Qualifiers;
import java.io.IOException;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The part of Kestra's REST API that the campaign uses, at Kestra's own addresses and in its own shapes: what works against
 * this works against a real server. Kestra's {@code webserver} is not published; the services behind it are.
 */
final class Api {
    private static final String TENANT = "main";
    private static final String BASE = "/api/v1/" + TENANT;
    /** What the addresses of all webhooks begin with. */
    static final String WEBHOOKS = BASE + "/executions/webhook/";
    private static final List<String> FORM = List.of("multipart/form-data");
    private static final int MAX_PAGE = 1000;
    private static final Pattern FILTER = Pattern.compile("filters\\[([^\\]]+)]\\[([^\\]]+)](?:\\[(.+)])?");
    private static final Router.Reply NO_WEBHOOK = Router.Reply.error(404, "Not Found");

    private final Disk disk;
    private final FlowRepositoryInterface flows;
    private final ExecutionRepositoryInterface executions;
    private final LogRepositoryInterface logs;
    private final KvMetadataRepositoryInterface keys;
    private final StorageInterface storage;
    private final FlowService flowService;
    private final ExecutionService executionService;
    private final ConcurrencyLimitService limitService;
    private final WebhookService webhookService;
    private final FlowInputOutput inputs;
    private final RunContextFactory runContexts;
    private final QueueInterface<Execution> executionQueue;
    private final QueueInterface<ExecutionKilled> killQueue;

    private record Page(List<?> results, long total) {
        static Page of(ArrayListTotal<?> page) {
            return new Page(page, page.getTotal());
        }
    }

    private record TypedValue(KVType type, Object value) {}

    Api(ApplicationContext context, Disk disk) {
        this.disk = disk;
        flows = context.getBean(FlowRepositoryInterface.class);
        executions = context.getBean(ExecutionRepositoryInterface.class);
        logs = context.getBean(LogRepositoryInterface.class);
        keys = context.getBean(KvMetadataRepositoryInterface.class);
        storage = context.getBean(StorageInterface.class);
        flowService = context.getBean(FlowService.class);
        executionService = context.getBean(ExecutionService.class);
        limitService = context.getBean(ConcurrencyLimitService.class);
        // Made here and not at the first webhook: it begins to listen for ended executions when it is made.
        webhookService = new Following(
            context.getBean(WebhookService.class), context.getBean(ExecutionStreamingService.class), executions);
        inputs = context.getBean(FlowInputOutput.class);
        runContexts = context.getBean(RunContextFactory.class);
        executionQueue = context.getBean(
            new GenericArgument<QueueInterface<Execution>>() {}, Qualifiers.byName(QueueFactoryInterface.EXECUTION_NAMED));
        killQueue = context.getBean(
            new GenericArgument<QueueInterface<ExecutionKilled>>() {}, Qualifiers.byName(QueueFactoryInterface.KILL_NAMED));
    }

    void register(Router router) {
        router.add("POST", WEBHOOKS + "{namespace}/{flow}/{key}", List.of(), written(this::webhook));
        router.add("GET", BASE + "/executions/search", this::searchExecutions);
        router.add("GET", BASE + "/executions/{execution}", r -> Router.Reply.found(executions.findById(TENANT, r.path("execution"))));
        router.add("POST", BASE + "/executions/{execution}/restart", written(this::restart));
        router.add("POST", BASE + "/executions/{execution}/replay", written(this::replay));
        router.add("POST", BASE + "/executions/{execution}/resume", FORM, written(this::resume));
        router.add("POST", BASE + "/executions/{execution}/unqueue", written(this::unqueue));
        router.add("DELETE", BASE + "/executions/{execution}/kill", written(this::kill));
        router.add("DELETE", BASE + "/executions/{execution}", written(this::deleteExecution));
        router.add("POST", BASE + "/executions/{namespace}/{flow}", FORM, written(this::createExecution));
        router.add("GET", BASE + "/logs/{execution}", this::logs);

        router.add("GET", BASE + "/concurrency-limit/search", r -> limits());
        router.add("PUT", BASE + "/concurrency-limit/{namespace}/{flow}", written(this::updateLimit));

        router.add("POST", BASE + "/flows/validate", List.of("application/x-yaml", "multipart/form-data"), this::validateFlows);
        router.add("POST", BASE + "/flows/import", FORM, written(this::importFlows));
        router.add("GET", BASE + "/flows/{namespace}", r -> Router.Reply.ok(flows.findByNamespace(TENANT, r.path("namespace"))));
        router.add("GET", BASE + "/flows/{namespace}/{flow}", this::flow);

        router.add("GET", BASE + "/namespaces/{namespace}/kv", r -> Router.Reply.ok(store(r).list()));
        router.add("GET", BASE + "/namespaces/{namespace}/kv/{key}", this::value);
        router.add("PUT", BASE + "/namespaces/{namespace}/kv/{key}", List.of("text/plain"), written(this::putValue));
        router.add("DELETE", BASE + "/namespaces/{namespace}/kv/{key}", written(r -> Router.Reply.ok(store(r).delete(r.path("key")))));
    }

    /** An action that answers when what it did is on the disk. */
    private Router.Action written(Router.Action action) {
        return request -> {
            Router.Reply reply = action.run(request);
            disk.write();
            return reply;
        };
    }

    // ---- webhooks

    /** One answer for every way not to find it: a caller without the key learns nothing about which flows there are. */
    private Router.Reply webhook(Router.Request request) throws Exception {
        Optional<Flow> found = flows.findById(TENANT, request.path("namespace"), request.path("flow"));
        if (found.isEmpty() || found.get().isDisabled() || found.get() instanceof FlowWithException) {
            return NO_WEBHOOK;
        }
        Flow flow = found.get();
        Optional<AbstractWebhookTrigger> trigger = Optional.ofNullable(flow.getTriggers()).orElse(List.of()).stream()
            .filter(AbstractWebhookTrigger.class::isInstance)
            .map(AbstractWebhookTrigger.class::cast)
            .filter(candidate -> !candidate.isDisabled() && hasKey(flow, candidate, request.path("key")))
            .findFirst();
        if (trigger.isEmpty()) {
            return NO_WEBHOOK;
        }
        String type = request.header("Content-Type").orElse("application/json");
        HttpRequest.RequestBody body = request.raw().length == 0 ? null : HttpRequest.StringRequestBody.builder()
            .contentType(type)
            .charset(StandardCharsets.UTF_8)
            .content(request.text())
            .build();
        HttpRequest forTrigger = HttpRequest.builder()
            .method(request.method())
            .uri(request.uri())
            .headers(HttpHeaders.of(request.headers(), (name, value) -> true))
            .body(body)
            .build();
        HttpResponse<?> response = trigger.get()
            .evaluate(WebhookContext.builder()
                .request(forTrigger).flow(flow).trigger(trigger.get()).webhookService(webhookService).build())
            .block();
        if (response == null) {
            return Router.Reply.error(500, "Internal Server Error");
        }
        String answerType = response.getHeaders() == null ? "application/json" : response.contentType();
        return new Router.Reply(response.getStatus().getCode(), response.getBody(), answerType);
    }

    private boolean hasKey(Flow flow, AbstractWebhookTrigger trigger, String key) {
        try {
            String expected = runContexts.of(flow, trigger).render(trigger.getKey()).trim();
            // A key that renders to nothing is a setting that was left out, not a door for everybody.
            return !expected.isEmpty()
                && MessageDigest.isEqual(expected.getBytes(StandardCharsets.UTF_8), key.getBytes(StandardCharsets.UTF_8));
        } catch (Exception e) {
            // A secret that is not defined: this trigger has no key that anybody could know.
            return false;
        }
    }

    // ---- executions

    private Router.Reply createExecution(Router.Request request) throws QueueException {
        Flow flow = flowService.getFlowIfExecutableOrThrow(
            TENANT, request.path("namespace"), request.path("flow"), Optional.empty());
        List<Label> labels = new ArrayList<>();
        request.all("labels").forEach(label -> {
            String[] sides = label.split(":", 2);
            if (sides.length < 2 || sides[0].startsWith(Label.SYSTEM_PREFIX) && !sides[0].equals(Label.CORRELATION_ID)) {
                throw new IllegalArgumentException("not a label 'key:value' that a caller may set: '" + label + "'");
            }
            labels.add(new Label(sides[0], sides[1]));
        });
        Map<String, String> values = new HashMap<>();
        for (Router.Part part : request.parts()) {
            if (part.filename() != null) {
                throw new IllegalArgumentException("the embedded engine takes no FILE inputs");
            }
            values.put(part.name(), part.content());
        }
        Execution draft = Execution.newExecution(flow, null, labels, request.first("scheduleDate").map(ZonedDateTime::parse));
        Execution execution = draft.withInputs(inputs.readExecutionInputs(flow, draft, values));
        webhookService.startExecution(execution);
        return Router.Reply.ok(execution);
    }

    private Router.Reply restart(Router.Request request) throws Exception {
        Execution execution = existing(request);
        Execution restarted = executionService.restart(execution, null);
        executionQueue.emit(restarted);
        return Router.Reply.ok(restarted);
    }

    /** Starts an execution's like: the same inputs and trigger, from the beginning or (with taskRunId) from one of its tasks. */
    private Router.Reply replay(Router.Request request) throws Exception {
        Execution execution = existing(request);
        Optional<Integer> revision = request.number("revision");
        Flow flow = flowService.getFlowIfExecutableOrThrow(TENANT, execution.getNamespace(), execution.getFlowId(),
            Optional.of(revision.orElse(execution.getFlowRevision())));
        Execution replayed = executionService.replay(
            execution, flow, request.first("taskRunId").orElse(null), revision.orElse(null));
        executionQueue.emit(replayed);
        return Router.Reply.ok(replayed);
    }

    // One after the other, these two: what one of them has just let go, the other finds running and refuses.
    private synchronized Router.Reply resume(Router.Request request) throws Exception {
        Execution paused = executionService.getExecutionIfPause(TENANT, request.path("execution"), true);
        if (!request.parts().isEmpty()) {
            throw new IllegalArgumentException("the embedded engine takes no inputs for a resume");
        }
        Flow flow = flows.findByExecution(paused);
        executionQueue.emit(executionService.resume(paused, flow, State.Type.RUNNING, Pause.Resumed.now()));
        return Router.Reply.json(204, null);
    }

    private synchronized Router.Reply unqueue(Router.Request request) throws QueueException {
        State.Type state = request.first("state").map(State.Type::valueOf).orElse(null);
        Execution unqueued = limitService.unqueue(existing(request), state);
        executionQueue.emit(unqueued);
        return Router.Reply.ok(unqueued);
    }

    private Router.Reply limits() {
        List<ConcurrencyLimit> limits = limitService.find(TENANT);
        return Router.Reply.ok(new Page(limits, limits.size()));
    }

    private Router.Reply updateLimit(Router.Request request) throws JsonProcessingException {
        // By what the body says, as Kestra does: the address names the same flow.
        ConcurrencyLimit wanted = JacksonMapper.ofJson().readValue(request.text(), ConcurrencyLimit.class);
        return Router.Reply.found(limitService.findById(wanted.getTenantId(), wanted.getNamespace(), wanted.getFlowId())
            .map(found -> limitService.update(wanted)));
    }

    /** With the cascade, which is the default, Kestra kills what has ended too: the event then makes a limited flow's count wrong. */
    private Router.Reply kill(Router.Request request) throws QueueException {
        Execution execution = existing(request);
        boolean cascade = unlessFalse(request, "isOnKillCascade");
        if (execution.getState().isTerminated() && !cascade) {
            throw new IllegalStateException("Execution is already finished, can't kill it");
        }
        killQueue.emit(ExecutionKilledExecution.builder()
            .state(ExecutionKilled.State.REQUESTED)
            .executionId(execution.getId())
            .isOnKillCascade(cascade)
            .tenantId(TENANT)
            .build());
        return Router.Reply.json(202, null);
    }

    /** Whatever state it is in, with everything that belongs to it but what is to stay. */
    private Router.Reply deleteExecution(Router.Request request) throws IOException {
        executionService.delete(existing(request),
            unlessFalse(request, "deleteLogs"), unlessFalse(request, "deleteMetrics"), unlessFalse(request, "deleteStorage"));
        return Router.Reply.json(204, null);
    }

    private static boolean unlessFalse(Router.Request request, String flag) {
        return request.first(flag).map(Boolean::parseBoolean).orElse(true);
    }

    private Execution existing(Router.Request request) {
        return executions.findById(TENANT, request.path("execution"))
            .orElseThrow(() -> new NoSuchElementException("execution '" + request.path("execution") + "'"));
    }

    private Router.Reply searchExecutions(Router.Request request) {
        List<QueryFilter> filters = filters(request, QueryFilter.Resource.EXECUTION);
        return Router.Reply.ok(Page.of(executions.find(page(request), TENANT, filters)));
    }

    private Router.Reply logs(Router.Request request) {
        return Router.Reply.ok(logs.findByExecutionId(TENANT, request.path("execution"), null));
    }

    // ---- flows

    private Router.Reply flow(Router.Request request) {
        String namespace = request.path("namespace");
        return Router.Reply.found(request.flag("source")
            ? flows.findByIdWithSource(TENANT, namespace, request.path("flow"))
            : flows.findById(TENANT, namespace, request.path("flow")));
    }

    private Router.Reply validateFlows(Router.Request request) {
        List<FlowSource> sources = new ArrayList<>();
        request.parts().forEach(part -> sources.add(new FlowSource(part.filename(), part.content().trim())));
        if (sources.isEmpty()) {
            Arrays.stream(request.text().trim().split("\\n+---\\n*?")).forEach(flow -> sources.add(new FlowSource(null, flow)));
        }
        return Router.Reply.ok(flowService.validate(TENANT, sources));
    }

    /** Answers which flows could not be imported, by file and place, and no reason: Kestra gives none. */
    private Router.Reply importFlows(Router.Request request) {
        Router.Part upload = request.parts().stream().filter(part -> part.name().equals("fileUpload")).findFirst()
            .orElseThrow(() -> new IllegalArgumentException("Required Part [fileUpload] not specified"));
        String file = String.valueOf(upload.filename()).toLowerCase(Locale.ROOT);
        if (!file.endsWith(".yml") && !file.endsWith(".yaml")) {
            throw new IllegalArgumentException("Cannot import file of type " + file.substring(file.lastIndexOf('.') + 1));
        }
        List<String> wrong = new ArrayList<>();
        String[] sources = upload.content().split("(?m)^---\\s*$");
        for (int i = 0; i < sources.length; i++) {
            try {
                flowService.importFlow(TENANT, sources[i]);
            } catch (FlowProcessingException | RuntimeException e) {
                wrong.add(file + "(flow number: " + i + ")");
            }
        }
        if (request.flag("failOnError") && !wrong.isEmpty()) {
            throw new IllegalArgumentException("Following invalid flows were not imported: " + String.join(", ", wrong));
        }
        return Router.Reply.ok(wrong);
    }

    // ---- KV

    private KVStore store(Router.Request request) {
        return new InternalKVStore(TENANT, request.path("namespace"), storage, keys);
    }

    private Router.Reply value(Router.Request request) throws Exception {
        Object value = store(request).getValue(request.path("key"))
            .orElseThrow(() -> new NoSuchElementException(
                "No value found for key '" + request.path("key") + "' in namespace '" + request.path("namespace") + "'"))
            .value();
        return Router.Reply.ok(new TypedValue(KVType.from(value), value));
    }

    private Router.Reply putValue(Router.Request request) throws IOException {
        KVMetadata metadata = new KVMetadata(
            request.header("description").orElse(null), request.header("ttl").map(Duration::parse).orElse(null));
        JsonNode value;
        try {
            // Ion, as Kestra does: a superset of JSON that keeps a date a date.
            value = JacksonMapper.ofIon().readTree(request.text());
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("Invalid JSON value", e);
        }
        store(request).put(request.path("key"), new KVValueAndMetadata(metadata, value));
        return Router.Reply.json(200, null);
    }

    // ---- searches

    private Pageable page(Router.Request request) {
        int size = request.number("size").orElse(10);
        int page = request.number("page").orElse(1);
        if (size < 1 || size > MAX_PAGE || page < 1) {
            throw new IllegalArgumentException("page is 1 or more, size is 1 to " + MAX_PAGE);
        }
        List<Sort.Order> orders = request.all("sort").stream().map(sort -> {
            String[] sides = sort.split(":", 2);
            String column = executions.sortMapping().apply(sides[0]);
            return sides.length > 1 && sides[1].equalsIgnoreCase("desc") ? Sort.Order.desc(column) : Sort.Order.asc(column);
        }).toList();
        return Pageable.from(page, size, orders.isEmpty() ? Sort.UNSORTED : Sort.of(orders));
    }

    /** The filters of a search, in the form {@code filters[field][OPERATION][key]=value}. */
    private static List<QueryFilter> filters(Router.Request request, QueryFilter.Resource resource) {
        List<QueryFilter> filters = new ArrayList<>();
        Map<QueryFilter.Op, Map<String, String>> labels = new HashMap<>();
        request.query().forEach((name, values) -> {
            Matcher matcher = FILTER.matcher(name);
            if (matcher.matches()) {
                QueryFilter.Field field = QueryFilter.Field.fromString(matcher.group(1));
                QueryFilter.Op operation = QueryFilter.Op.valueOf(matcher.group(2));
                if (matcher.group(3) != null) {
                    labels.computeIfAbsent(operation, op -> new HashMap<>()).put(matcher.group(3), values.getFirst());
                } else {
                    filters.add(filter(field, operation, values));
                }
            }
        });
        labels.forEach((operation, map) -> filters.add(new QueryFilter(QueryFilter.Field.LABELS, operation, map)));
        QueryFilter.validateQueryFilters(filters, resource);
        return filters;
    }

    private static QueryFilter filter(QueryFilter.Field field, QueryFilter.Op operation, List<String> values) {
        boolean list = operation == QueryFilter.Op.IN || operation == QueryFilter.Op.NOT_IN;
        String value = values.getFirst();
        return new QueryFilter(field, operation, list ? List.of(value.replaceAll("[\\[\\]]", "").split(",")) : value);
    }
}
