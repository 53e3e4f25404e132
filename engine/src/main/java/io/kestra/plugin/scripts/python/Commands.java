package io.kestra.plugin.scripts.python;

import io.kestra.core.exceptions.IllegalVariableEvaluationException;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.property.Property;
import io.kestra.core.models.tasks.RunnableTask;
import io.kestra.core.models.tasks.runners.TargetOS;
import io.kestra.core.runners.RunContext;
import io.kestra.plugin.scripts.exec.AbstractExecScript;
import io.kestra.plugin.scripts.exec.scripts.models.DockerOptions;
import io.kestra.plugin.scripts.exec.scripts.models.ScriptOutput;
import jakarta.validation.constraints.NotNull;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Runs Python from the command line. It stands in, under the same name, for the task of Kestra's official plugin
 * (plugin-script-python 1.9), which is not on Maven Central; in production that one runs the same flows.
 *
 * <p>It has the same properties, so that a flow is valid here when it is valid there. It builds no environment: it refuses
 * {@code dependencies} at the run, ignores {@code pythonVersion}, and never downloads {@code uv}. {@code python} is the one
 * that the engine was started with.
 */
@Plugin
public class Commands extends AbstractExecScript implements RunnableTask<ScriptOutput> {
    /** The names are the values in a flow. */
    public enum PackageManager { PIP, UV }

    private Property<String> containerImage = Property.ofValue("python:3.13-slim");

    @NotNull
    private Property<List<String>> commands;

    private Property<List<String>> dependencies;
    private Property<String> pythonVersion;
    private Property<Boolean> dependencyCacheEnabled = Property.ofValue(true);
    private Property<PackageManager> packageManager = Property.ofValue(PackageManager.UV);
    private Property<Boolean> uvAutoInstallEnabled = Property.ofValue(true);
    private Property<String> uvInstallerVersion;
    private Property<String> uvInstallerSha256;

    @Override
    public Property<String> getContainerImage() {
        return containerImage;
    }

    public Property<List<String>> getCommands() {
        return commands;
    }

    public Property<List<String>> getDependencies() {
        return dependencies;
    }

    public Property<String> getPythonVersion() {
        return pythonVersion;
    }

    public Property<Boolean> getDependencyCacheEnabled() {
        return dependencyCacheEnabled;
    }

    public Property<PackageManager> getPackageManager() {
        return packageManager;
    }

    public Property<Boolean> getUvAutoInstallEnabled() {
        return uvAutoInstallEnabled;
    }

    public Property<String> getUvInstallerVersion() {
        return uvInstallerVersion;
    }

    public Property<String> getUvInstallerSha256() {
        return uvInstallerSha256;
    }

    @Override
    protected DockerOptions injectDefaults(RunContext runContext, DockerOptions original)
        throws IllegalVariableEvaluationException {
        return original;
    }

    @Override
    public ScriptOutput run(RunContext runContext) throws Exception {
        if (!runContext.render(dependencies).asList(String.class).isEmpty()) {
            throw new IllegalArgumentException("the embedded engine installs no dependencies");
        }
        PackageManager manager = runContext.render(packageManager).as(PackageManager.class).orElse(PackageManager.PIP);
        if (manager == PackageManager.UV && !hasUv()) {
            throw new IllegalStateException(
                "packageManager is UV, and the command 'uv' is not installed: set packageManager: PIP in the task");
        }
        // The wrapper renders the commands and the input files, each exactly once: rendering here as well would expand what
        // a customer wrote between braces.
        return commands(runContext)
            .addEnv(Map.of("PYTHONUNBUFFERED", "true"))
            .withInterpreter(interpreter)
            .withBeforeCommands(beforeCommands)
            .withBeforeCommandsWithOptions(true)
            .withCommands(commands)
            .withTargetOS(runContext.render(targetOS).as(TargetOS.class).orElse(TargetOS.AUTO))
            .run();
    }

    /** Look for {@code uv} where the plugin looks, which does so even for a task without dependencies. */
    private static boolean hasUv() throws InterruptedException {
        Path own = Path.of(Optional.ofNullable(System.getenv("UV_PATH")).orElse(System.getenv("HOME") + "/.local/bin/uv"));
        try {
            return new ProcessBuilder(Files.exists(own) ? own.toString() : "uv", "--version")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
