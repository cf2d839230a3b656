import java.io.*;
import java.net.*;
import java.security.KeyStore;
import javax.net.ssl.*;

/** Ends TLS in front of a server on the same host: java Front.java PORT BACK PKCS12 VERSION SUITE. */
public class Front {
    static void pump(Socket from, Socket to) {
        try {
            byte[] bytes = new byte[16384];
            for (int n; (n = from.getInputStream().read(bytes)) >= 0; ) to.getOutputStream().write(bytes, 0, n);
            to.shutdownOutput();
        } catch (IOException gone) { }
    }

    public static void main(String[] args) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(new FileInputStream(args[2]), "lab".toCharArray());
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, "lab".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(Integer.parseInt(args[0]));
        server.setEnabledProtocols(new String[] { args[3] });
        server.setEnabledCipherSuites(new String[] { args[4] });
        while (true) {
            Socket client = server.accept(), back = new Socket("127.0.0.1", Integer.parseInt(args[1]));
            client.setTcpNoDelay(true);
            back.setTcpNoDelay(true);
            new Thread(() -> pump(back, client)).start();
            new Thread(() -> pump(client, back)).start();
        }
    }
}
