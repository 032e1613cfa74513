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
    let (hub, text) = (try hub, checkpoint)
    if let folder = try hub.localFolder(of: text) {
      checkpoint = folder.path
      return
    }
    checkpoint = try downloading(text, hub) { try await hub.folder(of: text, onProgress: $0) }.path
  }

  /// Makes the path of a file of what was given as calibration data, which may be the name of a dataset.
  func find(calibration argument: inout String) throws {
    let (text, weight) = try CalibrationSource.split(argument)
    guard try ModelHub.isDataset(text) else { return }
    let hub = try hub
    let file =
      try hub.localDatasetFile(of: text)
      ?? downloading(text, hub) { try await hub.datasetFile(of: text, onProgress: $0) }
    if let file { argument = file.path + weight }
  }

  private var hub: ModelHub {
    get throws {
      var settings = try HubSettings()
      settings.isOffline = settings.isOffline || offline
      return ModelHub(settings)
    }
  }

  private typealias Download<Result> =
    @Sendable (@escaping @Sendable (DownloadProgress) -> Void) async throws -> Result

  /// Says that something is downloaded, and how far it is.
  private func downloading<Result: Sendable>(
    _ text: String, _ hub: ModelHub, _ body: @escaping Download<Result>
  ) throws -> Result {
    let settings = hub.settings
    if !settings.isOffline {
      complain("downloading \(text) from \(settings.endpoint) to \(settings.cache.path)\n")
    }
    let printer = Mutex(ProgressPrinter())
    defer { printer.withLock { $0.clear() } }
    return try waiting {
      try await body { progress in
        printer.withLock {
          $0.show(status: progress.text, plainlyEvery: ProgressText.plainInterval)
        }
      }
    }
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
  /// Hands each argument that is calibration data to `body`, which makes the path of a file of it.
  mutating func replaceCalibration(_ body: (inout String) throws -> Void) throws
}

extension CheckpointReading {
  /// Makes folders of all checkpoints that were given by their names, and files of datasets.
  mutating func findCheckpoints() throws {
    let hub = hub
    try reportingFailure {
      try replaceCheckpoints { try hub.find(&$0) }
      try replaceCalibration { try hub.find(calibration: &$0) }
    }
  }

  /// A command without calibration data.
  mutating func replaceCalibration(_ body: (inout String) throws -> Void) throws {}
}

extension [String] {
  mutating func replaceEach(_ body: (inout String) throws -> Void) throws {
    for index in indices { try body(&self[index]) }
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

  mutating func replaceCalibration(_ body: (inout String) throws -> Void) throws {
    try options.calibration.replaceEach(body)
  }

  mutating func replaceCheckpoints(_ body: (inout String) throws -> Void) throws {
    if output == nil { output = try options.usualOutput() }
    try body(&options.checkpoint)
  }
}

extension PlanCommand: CheckpointReading {
  var hub: HubOptions { options.hub }

  mutating func replaceCalibration(_ body: (inout String) throws -> Void) throws {
    try options.calibration.replaceEach(body)
  }

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
