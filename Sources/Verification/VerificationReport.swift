public import JSONText

/// What reading a finished checkpoint again has shown.
public struct VerificationReport: Sendable, Equatable {
  /// Something that is wrong.
  public struct Finding: Sendable, Equatable {
    /// What kind of harm it does.
    public enum Kind: String, Sendable {
      /// The checkpoint is not what was written, or what the source asks for.
      case damage
      /// A runtime does not load the checkpoint, or reads it otherwise.
      case contract
    }
    /// What kind of harm it does.
    public var kind: Kind
    /// The file, the tensor or the module.
    public var place: String
    /// What was found and what was expected.
    public var message: String
  }

  /// One file of the checkpoint.
  public struct File: Sendable, Equatable {
    /// Its name in the folder.
    public var name: String
    /// Its size in bytes.
    public var byteCount: Int
    /// The SHA-256 of its bytes in hexadecimal digits.
    public var digest: String
  }

  /// Everything that is wrong; empty for a sound checkpoint.
  public var findings: [Finding] = []
  /// All files of the folder, by name.
  public var files: [File] = []
  /// Tensors in all files.
  public var tensorCount = 0
  /// Linear layers that are quantized.
  public var quantizedLayerCount = 0
  /// How many devices can share each layer evenly, of 1, 2, 4 and 8.
  public var tensorParallelSizes: [Int] = []
  /// The SHA-256 of each tensor's bytes, by name.
  package var tensorDigests: [String: String] = [:]
  /// Whether the tensors were compared with those of a source.
  public var comparesSource = false

  /// The report as a JSON object.
  public var json: JSONValue {
    [
      "findings": .array(
        findings.map {
          [
            "kind": .string($0.kind.rawValue), "place": .string($0.place),
            "message": .string($0.message),
          ]
        }),
      "tensors": JSONValue(tensorCount), "quantized_layers": JSONValue(quantizedLayerCount),
      "tensor_parallel_sizes": .array(tensorParallelSizes.map { JSONValue($0) }),
      "compared_with_source": .bool(comparesSource),
      "files": .array(
        files.map {
          [
            "name": .string($0.name), "bytes": JSONValue($0.byteCount),
            "sha256": .string($0.digest),
          ]
        }),
    ]
  }

  /// The report in lines of text.
  public var lines: [String] {
    var lines = files.map { "\($0.digest)  \($0.name)  \($0.byteCount) bytes" }
    lines.append(
      "\(tensorCount) tensors, \(quantizedLayerCount) quantized layers, "
        + (comparesSource ? "compared with the source" : "not compared with a source"))
    lines.append(
      "tensor parallelism: \(tensorParallelSizes.map(String.init).joined(separator: ", "))")
    lines += findings.map { "\($0.kind.rawValue)  \($0.place): \($0.message)" }
    lines.append(findings.isEmpty ? "sound" : "\(findings.count) findings")
    return lines
  }

  mutating func add(_ kind: Finding.Kind, _ place: String, _ message: String) {
    findings.append(Finding(kind: kind, place: place, message: message))
  }
}
