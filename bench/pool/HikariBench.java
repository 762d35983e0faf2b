import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;

/**
 * Leases connections from HikariCP as bench/pool/load.hpp does from the other pools, when asked to on
 * the standard input:
 *
 * <pre>
 * run THREADS CONNECTIONS HOLD_NS CYCLES   answers with the nanoseconds that it took
 * seen                                     answers with a line for each thread of the last run: of
 *                                          each cycle, the wait and how long it held, in nanoseconds
 * </pre>
 */
public final class HikariBench {
  private static final long DRAWN_AT_ONCE = 256;

  private static HikariDataSource pool;
  private static List<Worker> workers = List.of();

  public static void main(String[] arguments) throws Exception {
    BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
    PrintWriter answers = new PrintWriter(System.out);
    for (String line; (line = requests.readLine()) != null; answers.flush()) {
      if (line.equals("seen")) {
        for (Worker worker : workers) answers.println(worker.seen());
      } else {
        long[] numbers = Arrays.stream(line.split(" ")).skip(1).mapToLong(Long::parseLong).toArray();
        answers.println(run((int) numbers[0], (int) numbers[1], numbers[2], numbers[3]));
      }
    }
  }

  private static long run(int threads, int connections, long hold, long cycles) throws Exception {
    resize(connections);
    AtomicLong drawn = new AtomicLong();
    CountDownLatch ready = new CountDownLatch(threads);
    CountDownLatch go = new CountDownLatch(1);
    workers = new ArrayList<>();
    for (int i = 0; i < threads; i++) workers.add(new Worker(hold, cycles, drawn, ready, go));
    for (Worker worker : workers) worker.start();
    ready.await();
    long started = System.nanoTime();
    go.countDown();
    for (Worker worker : workers) worker.join();
    long took = System.nanoTime() - started;
    for (Worker worker : workers) {
      if (worker.failure != null) throw worker.failure;
    }
    return took;
  }

  private static void resize(int connections) {
    if (pool != null && pool.getMaximumPoolSize() == connections) return;
    if (pool != null) pool.close();
    HikariConfig config = new HikariConfig();
    config.setDataSource(fake(DataSource.class));
    config.setMaximumPoolSize(connections);
    config.setConnectionTimeout(60_000);
    pool = new HikariDataSource(config);
  }

  /** Answers everything at once: with a new Connection, with yes, or with nothing. */
  private static <T> T fake(Class<T> type) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
        (self, method, arguments) -> {
          Class<?> wanted = method.getReturnType();
          if (wanted == void.class) return null;
          if (wanted == Connection.class) return fake(Connection.class);
          if (wanted == boolean.class) return true;
          if (wanted == int.class) return 0;
          return null;
        }));
  }

  private static final class Worker extends Thread {
    private final long hold;
    private final long cycles;
    private final AtomicLong drawn;
    private final CountDownLatch ready;
    private final CountDownLatch go;
    private long[] seen = new long[1024];
    private int seenCount;
    private Exception failure;

    Worker(long hold, long cycles, AtomicLong drawn, CountDownLatch ready, CountDownLatch go) {
      this.hold = hold;
      this.cycles = cycles;
      this.drawn = drawn;
      this.ready = ready;
      this.go = go;
    }

    @Override
    public void run() {
      try {
        ready.countDown();
        go.await();
        if (hold == 0) {
          lease();
        } else {
          leaseAndHold();
        }
      } catch (Exception error) {
        failure = error;
      }
    }

    private void lease() throws SQLException {
      for (long count; (count = draw(DRAWN_AT_ONCE)) > 0; ) {
        for (long i = 0; i < count; i++) pool.getConnection().close();
      }
    }

    private void leaseAndHold() throws SQLException {
      while (draw(1) > 0) {
        long asked = System.nanoTime();
        Connection connection = pool.getConnection();
        long granted = System.nanoTime();
        // A permit left by the pool's own parking would end a single call early.
        for (long now = granted; now - granted < hold; now = System.nanoTime()) {
          LockSupport.parkNanos(granted + hold - now);
        }
        long held = System.nanoTime() - granted;
        connection.close();
        if (seenCount == seen.length) seen = Arrays.copyOf(seen, seen.length * 2);
        seen[seenCount++] = granted - asked;
        seen[seenCount++] = held;
      }
    }

    private long draw(long wanted) {
      return Math.min(wanted, Math.max(cycles - drawn.getAndAdd(wanted), 0));
    }

    String seen() {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < seenCount; i++) line.append(seen[i]).append(' ');
      return line.toString();
    }
  }
}
