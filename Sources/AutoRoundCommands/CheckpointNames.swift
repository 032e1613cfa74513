import ArgumentParser
import AutoRound
import Foundation
import Hub
import Synchronization

/// Where checkpoints are looked for by their names.
struct HubOptions: ParsableArguments {
  @Flag(
    help: ArgumentHelp(
      "Download nothing: names of models are looked for in the hub's cache on this machine alone.",
      discussion: """
        A checkpoint is a folder or the name of a model, owner/name or owner/name@revision. So does the variable \
        HF_HUB_OFFLINE=1.
        """))
  var offline = false

  /// Makes the path of a checkpoint's folder of what was given, which may be the name of a model.
  func find(_ checkpoint: inout String) throws {
    guard try ModelHub.repository(of: checkpoint) != nil else { return }
    var settings = try HubSettings()
    settings.isOffline = settings.isOffline || offline
    let hub = ModelHub(settings)
    let text = checkpoint
    if let folder = try hub.localFolder(of: text) {
      checkpoint = folder.path
      return
    }
    if !settings.isOffline {
      complain("downloading \(text) from \(settings.endpoint) to \(settings.cache.path)\n")
    }
    let printer = Mutex(ProgressPrinter())
    defer { printer.withLock { $0.clear() } }
    checkpoint = try waiting {
      try await hub.folder(of: text) { progress in
        printer.withLock {
          $0.show(status: progress.text, plainlyEvery: ProgressText.plainInterval)
        }
      }
    }.path
  }
}

/// Waits for a task on a thread that may wait: a command's own.
private func waiting<Value: Sendable>(
  for body: @escaping @Sendable () async throws -> Value
) throws -> Value {
  let result = Mutex<Result<Value, any Error>?>(nil)
  let hasEnded = DispatchSemaphore(value: 0)
  Task.detached {
    do {
      let value = try await body()
      result.withLock { $0 = .success(value) }
    } catch {
      result.withLock { $0 = .failure(error) }
    }
    hasEnded.signal()
  }
  hasEnded.wait()
  guard let result = result.withLock({ $0 }) else { throw CancellationError() }
  return try result.get()
}

/// A command that reads checkpoints.
protocol CheckpointReading: ParsableCommand {
  var hub: HubOptions { get }
  /// Hands each argument that is a checkpoint to `body`, which makes the path of its folder of it.
  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws
}

extension CheckpointReading {
  /// Makes folders of all checkpoints that were given by their names.
  mutating func findCheckpoints() throws {
    let hub = hub
    try reportingFailure { try replaceCheckpoints { try hub.find(&$0) } }
  }
}

extension Optional where Wrapped == String {
  fileprivate mutating func replace(_ body: (inout String) throws -> Void) throws {
    guard var path = self else { return }
    try body(&path)
    self = path
  }
}

extension QuantizeOptions {
  /// The folder that is written unless another is asked for: in the working folder, called after the model and the
  /// scheme or the recipe, without what some systems do not take.
  fileprivate func usualOutput() throws -> String {
    let path = try ModelHub.repository(of: checkpoint) ?? checkpoint
    let model = URL(filePath: path).standardizedFileURL.lastPathComponent
    let kind =
      try recipe.map { URL(filePath: $0).deletingPathExtension().lastPathComponent } ?? schemeName
      ?? formats.map { try OutputFormat(named: $0) }.impliedScheme
      ?? declared.values.schemeName("W4A16")
    return "\(model)-\(kind.replacing(":", with: "-"))"
  }
}

extension QuantizeCommand: CheckpointReading {
  var hub: HubOptions { options.hub }

  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    if output == nil { output = try options.usualOutput() }
    try body(&options.checkpoint)
  }
}

extension PlanCommand: CheckpointReading {
  var hub: HubOptions { options.hub }

  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    try body(&options.checkpoint)
  }
}

extension InspectCommand: CheckpointReading {
  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    try body(&checkpoint)
  }
}

extension GenerateCommand: CheckpointReading {
  var hub: HubOptions { options.hub }

  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    try body(&options.checkpoint)
  }
}

extension ChatCommand: CheckpointReading {
  var hub: HubOptions { options.hub }

  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    try body(&options.checkpoint)
  }
}

extension ConvertCommand: CheckpointReading {
  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    try body(&checkpoint)
  }
}

extension EvaluateCommand: CheckpointReading {
  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    try body(&checkpoint)
    try against.replace(body)
  }
}

extension VerifyCommand: CheckpointReading {
  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    try body(&checkpoint)
    try source.replace(body)
  }
}

extension DiffCommand: CheckpointReading {
  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    try body(&first)
    try body(&second)
  }
}
