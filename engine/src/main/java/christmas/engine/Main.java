package christmas.engine;

import com.sun.net.httpserver.HttpServer;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.runners.ExecutorInterface;
import io.kestra.core.runners.Indexer;
import io.kestra.core.runners.Scheduler;
import io.kestra.core.serializers.JacksonMapper;
import io.kestra.core.server.Service;
import io.kestra.core.utils.ExecutorsUtils;
import io.kestra.worker.DefaultWorker;
import io.kestra.worker.WorkerSecurityService;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.RuntimeBeanDefinition;
import io.micronaut.runtime.EmbeddedApplication;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Kestra in one process: executor, worker, scheduler and indexer on one H2 file, and the API on 127.0.0.1.
 *
 * <p>It is told what to do by the environment: {@code ENGINE_DATA} (folder), {@code ENGINE_PORT} (0: any free one),
 * {@code ENGINE_THREADS} (tasks at the same time) and {@code ENGINE_LOG} (file). When it can take webhooks it prints one line,
 * {@code READY} and a JSON object. It stops on SIGTERM, and when its standard input ends, that is, when its parent is gone.
 *
 * <p>With {@code ENGINE_USERNAME} and {@code ENGINE_PASSWORD} the API asks for them, as Kestra's own server does; webhooks and
 * health stay open.
 *
 * <p>With {@code ENGINE_SHARE=yes} other processes can use its database. Such a one gets the address of the database
 * ({@code ENGINE_DATABASE}), that of the engine ({@code ENGINE_URL}) and the same folder: it is a worker and nothing else.
 *
 * <p>With {@code ENGINE_MANAGEMENT=yes} it also serves Micronaut's management endpoints, on the port {@code endpoints.all.port}.
 */
public final class Main {
    private static final Duration START_LIMIT = Duration.ofMinutes(1);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(15);
    /** Nobody waits for a clean end any more, and nothing is lost by a hard one. */
    private static final Duration ORPHAN_LIMIT = Duration.ofSeconds(3);

    private static final Logger LOG = LoggerFactory.getLogger(Main.class);

    private final List<Service> services = new ArrayList<>();
    private final AtomicReference<ApplicationContext> context = new AtomicReference<>();
    private DefaultWorker worker;
    private HttpServer server;
    private Disk disk;
    /** Held until the process ends. H2 locks its file too, but says so late and at length. */
    @SuppressWarnings("unused")
    private FileLock lock;

    private Main() {}

    /** A reason not to start that a person can mend. */
    private static final class Refusal extends Exception {
        private static final long serialVersionUID = 1L;

        Refusal(String message) {
            super(message);
        }
    }

    public static void main(String[] args) {
        Main main = new Main();
        try {
            main.run();
        } catch (Refusal e) {
            System.err.println(e.getMessage());
            Runtime.getRuntime().halt(2);
        } catch (Throwable e) {
            LOG.error("The engine failed", e);
            System.err.println("The engine failed: " + rootMessage(e));
            Runtime.getRuntime().halt(1);
        }
    }

    private void run() throws Exception {
        Path data = Path.of(setting("ENGINE_DATA"));
        Files.createDirectories(data.resolve("tmp"));
        // Only a worker is told of a database. It must not ask for the lock, which the engine has.
        boolean helper = System.getenv("ENGINE_DATABASE") != null;
        if (!helper) {
            lock = lock(data);
        }
        Router router = new Router();
        if (System.getenv("ENGINE_USERNAME") != null) {
            router.protect(setting("ENGINE_USERNAME"), setting("ENGINE_PASSWORD"), "/api/v1/", Api.WEBHOOKS);
        }
        router.add("GET", "/health", request -> health());
        server = listen(Integer.parseInt(setting("ENGINE_PORT")), router);
        stopWithParent();
        Runtime.getRuntime().addShutdownHook(new Thread(this::stop, "stop"));

        String own = url(server.getAddress().getPort());
        disk = helper ? join(setting("ENGINE_DATABASE")) : new Disk(Disk.url(data));
        context.set(ApplicationContext.builder().banner(false).properties(Map.of(
            "engine.database", disk.url,
            "engine.migrates", !helper,
            "engine.role", helper ? "WORKER" : "STANDALONE",
            // What `kestra.url` says in a flow: its tasks call the engine that runs them, whatever its port is.
            "kestra.url", helper ? setting("ENGINE_URL") : own)).start());
        startServices(Integer.parseInt(setting("ENGINE_THREADS")), helper);
        if ("yes".equals(System.getenv("ENGINE_MANAGEMENT"))) {
            context.get().getBean(EmbeddedApplication.class).start();
        }
        Map<String, Object> ready = new HashMap<>(
            Map.of("url", own, "pid", ProcessHandle.current().pid(), "worker", worker.getId()));
        if (!helper) {
            new Api(context.get(), disk).register(router);
            if ("yes".equals(System.getenv("ENGINE_SHARE"))) {
                ready.put("database", disk.share());
            }
        }
        System.out.println("READY " + JacksonMapper.ofJson().writeValueAsString(ready));
        System.out.flush();

        // Kestra closes its context when a queue fails for good. A process that answers and does nothing is worse than none.
        while (context.get().isRunning()) {
            if (helper && !disk.answers()) {
                System.err.println("The engine whose database this worker shared is gone");
                halt(ORPHAN_LIMIT);
                System.exit(1);
            }
            Thread.sleep(500);
        }
        System.err.println("The engine stopped itself; its log says why");
        System.exit(1);
    }

    private static Disk join(String database) throws Refusal {
        try {
            return new Disk(database);
        } catch (SQLException e) {
            throw new Refusal("No engine shares its database here: start the engine first, and a worker after each of its starts");
        }
    }

    private static String setting(String name) throws Refusal {
        String value = System.getenv(name);
        if (value == null || value.isBlank()) {
            throw new Refusal("The setting " + name + " is missing");
        }
        return value;
    }

    private static FileLock lock(Path data) throws IOException, Refusal {
        FileChannel channel = FileChannel.open(
            data.resolve("engine.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock();
        if (lock == null) {
            throw new Refusal("Another engine already runs on " + data + ": stop it first, or use another data folder");
        }
        return lock;
    }

    private static HttpServer listen(int port, Router router) throws IOException, Refusal {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port), 1024);
            server.createContext("/", router);
            // Platform threads on purpose: on Java 21 to 23 a virtual thread that waits inside the database's locks holds one of
            // the few carriers, and with a hundred callers they can all be held at once.
            server.setExecutor(Executors.newCachedThreadPool(Thread.ofPlatform().name("http").daemon().factory()));
            server.start();
            return server;
        } catch (BindException e) {
            throw new Refusal("The port " + port + " of 127.0.0.1 is in use: choose another one");
        }
    }

    private void startServices(int threads, boolean helper) throws Exception {
        ApplicationContext beans = context.get();
        ExecutorService pool = beans.getBean(ExecutorsUtils.class).cachedThreadPool("engine");
        beans.registerBeanDefinition(
            RuntimeBeanDefinition.builder(WorkerSecurityService.class, () -> new Begun(disk))
                .singleton(true)
                .replaces(WorkerSecurityService.class)
                .build());
        worker = beans.createBean(DefaultWorker.class, UUID.randomUUID().toString(), threads, null);
        beans.registerSingleton(worker);
        services.add(worker);
        if (!helper) {
            services.addAll(
                List.of(beans.getBean(ExecutorInterface.class), beans.getBean(Scheduler.class), beans.getBean(Indexer.class)));
        }
        services.forEach(service -> pool.execute((Runnable) service));
        long deadline = System.nanoTime() + START_LIMIT.toNanos();
        while (!running()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("Kestra's services did not start within " + START_LIMIT.toSeconds() + " s");
            }
            Thread.sleep(20);
        }
    }

    private boolean running() {
        // A service that has not said yet what it does has no state; Kestra's own runner takes that for running as well.
        return services.stream()
            .allMatch(service -> Optional.ofNullable(service.getState()).orElse(Service.ServiceState.RUNNING).isRunning());
    }

    /** As Micronaut's management endpoint in Kestra, which is on a port of its own there (8081) and on the same one here. */
    private Router.Reply health() {
        ApplicationContext beans = context.get();
        boolean up = beans != null && beans.isRunning() && !services.isEmpty() && running() && databaseAnswers(beans);
        return Router.Reply.json(up ? 200 : 503, Map.of("status", up ? "UP" : "DOWN"));
    }

    private static boolean databaseAnswers(ApplicationContext beans) {
        try {
            beans.getBean(FlowRepositoryInterface.class).lastRevision("main", "health", "health");
            return true;
        } catch (RuntimeException e) {
            return false;
        }
    }

    private static String url(int port) {
        return "http://127.0.0.1:" + port;
    }

    /** The parent holds the other end of the standard input: however it goes, kill -9 included, this end notices. */
    private static void stopWithParent() {
        Thread.ofPlatform().name("parent").daemon().start(() -> {
            try {
                while (System.in.read() >= 0) {
                    // Whatever is written there means nothing.
                }
            } catch (IOException e) {
                // As good as an end.
            }
            halt(ORPHAN_LIMIT);
            System.exit(0);
        });
    }

    private void stop() {
        halt(STOP_LIMIT);
        server.stop(0);
        // The worker first: it stops taking tasks and lets the running ones end while the others still take their results.
        if (worker != null) {
            worker.close();
        }
        if (disk != null) {
            disk.close();
        }
        if (context.get() != null) {
            context.get().close();
        }
    }

    /** Ends the process hard, if it has not ended by itself by then. */
    private static void halt(Duration after) {
        Thread.ofPlatform().name("watchdog").daemon().start(() -> {
            try {
                Thread.sleep(after);
            } catch (InterruptedException e) {
                return;
            }
            Runtime.getRuntime().halt(3);
        });
    }

    private static String rootMessage(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.toString() : cause.getMessage();
    }
}
