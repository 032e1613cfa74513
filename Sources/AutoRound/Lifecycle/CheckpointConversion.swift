import Checkpoints
import CompressedTensors
public import Diagnostics
public import Foundation
import JSONText
public import Quantization
import Reporting
import Tensors
import Verification

/// Writes a quantized checkpoint in another format of compressed-tensors without tuning it again.
///
/// Integers, floats, scales and zero points stay what they are; only their layout changes. The model itself
/// need not be known.
public struct CheckpointConversion {
  /// The checkpoint to read.
  public var checkpoint: URL
  /// How the layers are to be stored.
  public var format: CompressionFormat
  /// The folder to write.
  public var output: URL
  /// Whether a checkpoint that is there may be replaced.
  public var overwrite: Bool

  /// The formats that can be asked for.
  public static let formats = CompressionFormat.allCases.filter { $0 != .mixedPrecision }

  /// Their names.
  public static var formatNames: [String] { formats.map(\.rawValue) }

  /// What a conversion did.
  public struct Report: Sendable, Equatable {
    /// Layers that were laid out anew.
    public var layerCount: Int
    /// Bytes of the tensors before.
    public var sourceBytes: Int
    /// Bytes of the tensors after.
    public var outputBytes: Int
    /// The folder.
    public var output: URL

    /// The report as lines for people.
    package var lines: [String] {
      [
        "layers     \(layerCount)",
        "size       \(Quantities.bytes(sourceBytes)) -> \(Quantities.bytes(outputBytes))",
        "written    \(output.path(percentEncoded: false))",
      ]
    }
  }

  /// Creates a conversion.
  public init(
    checkpoint: URL, format: CompressionFormat, output: URL, overwrite: Bool = false
  ) {
    self.checkpoint = checkpoint
    self.format = format
    self.output = output
    self.overwrite = overwrite
  }

  /// The format of a name.
  ///
  /// - Throws: `InputError` that lists the formats.
  public static func format(named name: String) throws(InputError) -> CompressionFormat {
    guard let format = formats.first(where: { $0.rawValue == name }) else {
      throw InputError(
        .invalidValue, source: OptionName.format.description,
        "found \(quoted(name)), expected one of \(formatNames.joined(separator: ", "))")
    }
    return format
  }

  /// Reads, lays out anew and writes.
  ///
  /// - Throws: `InputError`; `unsupported` for a layer whose numbers the format cannot hold.
  public func run() throws -> Report {
    let source = try Checkpoint(opening: checkpoint)
    try source.requireReadableFiles()
    try source.requireInside("recipe.yaml")
    let quantized = try DequantizedCheckpoint(source)
    let schemes = quantized.schemes.mapValues { scheme in
      var converted = scheme
      converted.format = format
      return converted
    }
    if format != .dense {
      for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
        try CompressedTensors.requireHolds(scheme, path: layer)
      }
    }

    var tensors: [TensorInfo] = []
    var copied: [String] = []
    for name in source.tensorNames {
      guard let info = source.info(name) else { continue }
      if let layer = Self.owner(of: name, among: schemes), !isKept(name) {
        guard TensorSuffix.scale.module(of: name) == layer, let scheme = schemes[layer]
        else { continue }
        let (rows, columns) = try quantized.size(of: layer)
        if let arguments = scheme.weights, format != .dense {
          tensors += try CompressedTensors.encoding(of: scheme).plannedTensors(
            for: layer, rows: rows, columns: columns, arguments: arguments, scaleDType: info.dtype)
        } else {
          tensors.append(
            TensorInfo(
              name: TensorSuffix.weight.name(of: layer),
              dtype: QuantizedWeight.dtype(ofScales: info.dtype), shape: [rows, columns]))
        }
      } else if format == .dense, TensorSuffix.ofKeysAndValues.contains(where: { $0.ends(name) }) {
        // They mean nothing without a configuration that speaks of them.
        continue
      } else {
        tensors.append(info)
        copied.append(name)
      }
    }
    let folder = try PartialFolder(output: output, sources: [checkpoint], overwrite: overwrite)
    defer { folder.discard() }
    try folder.clear()
    let writer = try CheckpointWriter(CheckpointPlan(tensors), in: folder)
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      let weight = try quantized.quantizedWeight(of: layer)
      let tensors =
        format == .dense
        ? [(TensorSuffix.weight.name(of: layer), weight.dequantized(to: weight.dtype))]
        : try CompressedTensors.encoding(of: scheme).tensors(for: weight, name: layer)
      for (name, tensor) in tensors { try writer.write(tensor, named: name) }
      source.releasePages()
    }
    for name in copied { try writer.write(source.tensor(name), named: name) }
    try writer.write(
      configuration(source.configuration).text(indentation: 2) + "\n", toFile: "config.json")
    for other in source.otherFiles { try writer.copyFile(other) }
    let recipe = checkpoint.appending(path: "recipe.yaml")
    if FileManager.default.fileExists(atPath: recipe.path(percentEncoded: false)) {
      try writer.copyFile(recipe)
    }
    let written = VerificationReport.digests(of: URL(filePath: folder.checkpointPath))
    try writer.write(written.sums, toFile: VerificationReport.sumsFile)
    try writer.finish()
    return Report(
      layerCount: schemes.count, sourceBytes: source.byteCount,
      outputBytes: writer.tensorByteCount, output: output)
  }

  /// The quantized layer that a tensor belongs to.
  private static func owner(
    of name: String, among schemes: [String: QuantizationScheme]
  ) -> String? {
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let module = String(name[..<dot])
    return schemes[module] == nil || name.hasSuffix(".bias") ? nil : module
  }

  /// Whether a tensor of a quantized layer stays as it is: a scale of its inputs.
  private func isKept(_ name: String) -> Bool {
    format != .dense && name.contains(".input_")
  }

  /// The configuration with the new format in every group, or without any quantization.
  private func configuration(_ source: JSONValue) -> JSONValue {
    guard format != .dense else { return source.removing("quantization_config") }
    var configuration = source
    guard var quantization = source["quantization_config"],
      let groups = quantization["config_groups"]?.objectValue
    else { return configuration }
    let name = JSONValue.string(format.rawValue)
    quantization.set(
      "config_groups",
      .object(
        groups.map { group in
          var value = group.value
          value.set("format", name)
          return JSONValue.Member(group.key, value)
        }))
    quantization.set("format", name)
    configuration.set("quantization_config", quantization)
    return configuration
  }
}
