package christmas.engine;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.UUID;
import org.h2.tools.Server;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the database written to the disk at the moments that count.
 *
 * <p>H2 writes what was committed up to {@code WRITE_DELAY} milliseconds later, and that is what a killed process has lost: the
 * executions concerned go on from their step before. What must not be lost is written at once: what a caller is told is taken,
 * before it is told, and that a task was begun which calls elsewhere, before it calls ({@link Begun}).
 *
 * <p>No shorter {@code WRITE_DELAY} and no {@code RETENTION_TIME} below H2's own: with a hundredth of a second and ten seconds a
 * kill (fault 9) left a file that H2 could not read any more.
 */
final class Disk {
    private static final Logger LOG = LoggerFactory.getLogger(Disk.class);

    static {
        // H2 would listen on every address of the machine, and turn strangers away when they have come. It reads this once.
        System.setProperty("h2.bindAddress", "127.0.0.1");
    }

    final String url;
    private final Connection connection;
    private Server server;

    /** Opens a connection of its own. */
    Disk(String url) throws SQLException {
        this.url = url;
        connection = DriverManager.getConnection(url, "sa", "");
    }

    /**
     * The address of the database in this folder. It closes with its last connection, in our own order of stopping.
     *
     * <p>{@code async}: a task that is killed or times out has its thread interrupted, and an interrupted thread closes the
     * ordinary kind of file that it reads, for every other thread too.
     */
    static String url(Path data) {
        return "jdbc:h2:async:" + data + "/kestra;TIME ZONE=UTC;WRITE_DELAY=100;DB_CLOSE_ON_EXIT=FALSE";
    }

    /** Returns when everything that was committed before is written. */
    synchronized void write() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("CHECKPOINT");
        }
    }

    synchronized boolean answers() throws SQLException {
        return connection.isValid(0);
    }

    /**
     * Lets other processes of this machine use the database, and returns its address for them. A name is in it that nobody can
     * guess, and the only one that is let in: whoever has the address can do everything, and nobody else anything.
     */
    String share() throws SQLException {
        String key = UUID.randomUUID().toString();
        String file = url.substring("jdbc:h2:".length()).split(";")[0];
        server = Server.createTcpServer("-tcpPort", "0", "-tcpDaemon", "-key", key, file).start();
        return "jdbc:h2:tcp://127.0.0.1:" + server.getPort() + "/" + key + ";TIME ZONE=UTC";
    }

    synchronized void close() {
        if (server != null) {
            server.stop();
        }
        try {
            connection.close();
        } catch (SQLException e) {
            LOG.warn("The database did not close well", e);
        }
    }
}
