package christmas.engine;

import io.kestra.core.models.flows.State;
import io.kestra.plugin.core.http.AbstractHttp;
import io.kestra.worker.AbstractWorkerCallable;
import io.kestra.worker.WorkerSecurityService;
import io.kestra.worker.WorkerTaskCallable;
import java.sql.SQLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has it on the disk that a task has begun before that task calls elsewhere.
 *
 * <p>What a call did there no crash undoes. So the engine has to know after a crash that the task was begun: one that makes a page
 * looks for it first then (fault 6).
 */
final class Begun extends WorkerSecurityService {
    private static final Logger LOG = LoggerFactory.getLogger(Begun.class);

    private final Disk disk;

    Begun(Disk disk) {
        this.disk = disk;
    }

    @Override
    public State.Type callInSecurityContext(AbstractWorkerCallable work) {
        if (work instanceof WorkerTaskCallable task && task.getWorkerTask().getTask() instanceof AbstractHttp) {
            try {
                disk.write();
            } catch (SQLException e) {
                // A database that takes nothing more ends the engine by itself.
                LOG.warn("It is not written that {} has begun", task.getWorkerTask().getTask().getId(), e);
            }
        }
        return super.callInSecurityContext(work);
    }
}
