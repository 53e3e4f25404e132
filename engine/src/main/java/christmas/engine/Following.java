package christmas.engine;

import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.tasks.Output;
import io.kestra.core.queues.QueueException;
import io.kestra.core.repositories.ExecutionRepositoryInterface;
import io.kestra.core.runners.RunContext;
import io.kestra.core.services.ExecutionStreamingService;
import io.kestra.core.services.WebhookService;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.kestra.plugin.core.trigger.WebhookContext;
import io.kestra.plugin.core.trigger.WebhookResponse;
import io.micronaut.http.sse.Event;
import java.time.Duration;
import java.util.Optional;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Kestra's webhook service, with a second look at the end of an execution that somebody waits for.
 *
 * <p>Kestra follows an execution by reading its queue by offset, skipping rows that are locked or not committed yet, and never
 * comes back to them: with a hundred callers at once one of them is left waiting for ever (tried). What the queue lost, the
 * repository knows.
 */
final class Following extends WebhookService {
    private static final Duration LOOK = Duration.ofSeconds(1);
    private static final String END = "end";

    private final WebhookService kestra;
    private final ExecutionStreamingService streaming;
    private final ExecutionRepositoryInterface executions;

    Following(WebhookService kestra, ExecutionStreamingService streaming, ExecutionRepositoryInterface executions) {
        this.kestra = kestra;
        this.streaming = streaming;
        this.executions = executions;
    }

    @Override
    public Flux<Event<Execution>> followExecution(Execution execution, Flow flow) {
        Flux<Event<Execution>> looked = Flux.interval(LOOK)
            .onBackpressureDrop()
            .concatMap(tick -> Mono.fromCallable(() -> executions.findById(execution.getTenantId(), execution.getId()))
                .subscribeOn(Schedulers.boundedElastic()), 1)
            .mapNotNull(found -> found.filter(now -> streaming.isStopFollow(flow, now)).orElse(null))
            .map(ended -> Event.of(ended).id(END));
        return Flux.merge(kestra.followExecution(execution, flow), looked).takeUntil(event -> END.equals(event.getId()));
    }

    @Override
    public Optional<Execution> newExecution(WebhookContext context, Flow flow, AbstractWebhookTrigger trigger, Output output) {
        return kestra.newExecution(context, flow, trigger, output);
    }

    @Override
    public void startExecution(Execution execution) throws QueueException {
        kestra.startExecution(execution);
    }

    @Override
    public WebhookResponse executionResponse(Execution execution) {
        return kestra.executionResponse(execution);
    }

    @Override
    public RunContext runContext(Flow flow, Execution execution) {
        return kestra.runContext(flow, execution);
    }
}
