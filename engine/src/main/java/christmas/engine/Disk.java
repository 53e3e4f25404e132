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
 * <p>H2 writes what was committed up to {@code WRITE_DELAY} milliseconds later. What a killed process has lost of the last
 * moments it would do anew, and Notion may have done it already: with a tenth of a second, a kill right after a page was made gave
 * the contact two of them (fault 6). A hundredth is less than a call takes, and leaves the tasks less to wait for than a write at
 * each commit (fault 25). What a caller has been told is taken is on the disk before it is told, even if the machine is lost.
 *
 * <p>Each write is some pages of the file, and their room is used again after {@code RETENTION_TIME}: with H2's 45 seconds the
 * file grew until the small disk of fault 26 was full.
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
        return "jdbc:h2:async:" + data + "/kestra;TIME ZONE=UTC;WRITE_DELAY=10;RETENTION_TIME=10000;DB_CLOSE_ON_EXIT=FALSE";
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
