import Checkpoints
import Diagnostics
import Execution
import Foundation
import Inspection
import JSONText
import Quantization
import QuantizedCheckpoints
import Reporting
import Tensors
import Verification

/// A copy as a checkpoint of a family: the tensors of each layer by its encoding, the rest bit for bit, a configuration.
struct CheckpointContents: CopyContents {
  let plan: CheckpointPlan
  private let family: any CheckpointFamily
  private let schemes: [String: QuantizationScheme]
  private let outline: CheckpointOutline
  /// Its tensors by their names.
  private let infos: [String: TensorInfo]
  /// Bytes of what each tensor of the source has become that is not in the copy as it was.
  private let byteCounts: [String: Int]

  var tensors: [TensorInfo] { outline.tensors }
  var configuration: JSONValue { outline.configuration }
  var weightByteCount: Int { outline.weightByteCount }
  var identity: String { configuration.text() }
  var readers: FormatReaders { FormatReaders(family) }
  var documents: [(name: String, text: String)] { outline.documents }
  var takesFiles: Bool { true }
  var remarks: [String] { [] }

  /// - Parameters:
  ///   - folder: The source, for errors.
  ///   - source: Its tensors, each quantized layer having one.
  init(
    _ outline: CheckpointOutline, of source: LayeredCheckpoint, _ family: any CheckpointFamily,
    _ schemes: [String: QuantizationScheme], shardByteCountLimit: Int
  ) throws(InputError) {
    (self.outline, self.family, self.schemes) = (outline, family, schemes)
    var infos: [String: TensorInfo] = [:]
    for tensor in outline.tensors where infos.updateValue(tensor, forKey: tensor.name) != nil {
      throw InputError(
        .malformed, source: source.checkpoint.folder.path(percentEncoded: false),
        place: "tensor \(quoted(tensor.name))",
        "is in the source, and a quantized layer is to have a tensor of this name; the source seems to be "
          + "quantized already, expected one in full precision")
    }
    self.infos = infos
    // A weight may keep its name and its shape; then its type is another.
    let added = outline.tensors.filter { source.info($0.name) != $0 }
    byteCounts = Dictionary(grouping: added) { tensor in
      tensor.name.split(separator: ".").dropLast().joined(separator: ".")
    }.mapValues { $0.reduce(0) { $0 + $1.byteCount } }
    plan = try CheckpointPlan(
      outline.tensors, fileFormat: outline.fileFormat, shardByteCountLimit: shardByteCountLimit)
  }

  func stored(
    _ weight: QuantizedWeight, of layer: String
  ) throws(InputError) -> [(place: TensorPlace, tensor: Tensor)] {
    guard let scheme = schemes[layer] else { preconditionFailure("\(layer) has no scheme") }
    let encoding = try family.encoding(of: scheme)
    try encoding.requireHolds(weight, name: layer)
    return encoding.tensors(for: weight, name: layer).map { (family.place(of: $0.name), $0.tensor) }
  }

  func stored(scale: Float, named name: String) -> (place: TensorPlace, tensor: Tensor) {
    let place = family.place(of: name)
    guard let info = infos[place.tensor] else { preconditionFailure("\(name) was not planned") }
    return (place, Tensor([scale], shape: [1]).converted(to: info.dtype))
  }

  func writeOthers(from source: LayeredCheckpoint, to writer: CheckpointWriter) throws {
    try outline.writeCopies(to: writer) { name, write in try source.forEachPart(of: name, write) }
  }

  func byteCount(ofLayer layer: String) -> Int { byteCounts[layer] ?? 0 }

  func keeps(_ info: TensorInfo) -> Bool { infos[info.name] == info }

  func byteCount(without names: Set<String>) -> Int {
    // What becomes of a weight that is quantized begins with its name.
    tensors.filter { tensor in
      !names.contains(tensor.name) && !names.contains { tensor.name.hasPrefix($0 + "_") }
    }.reduce(0) { $0 + $1.byteCount }
  }

  func planned(
    _ layers: [String: (shape: [Int], isQuantized: Bool)]
  ) -> VerificationReport {
    VerificationReport(planned: configuration, layers: layers, tensors: tensors.planned)
  }

  func verified(in folder: URL, source: URL?, reach: TuningReach) -> VerificationReport {
    var report = VerificationReport()
    report.note(folder) { report in
      report = try Verifier(folder, madeFrom: source, reach: reach).run()
      report.checkOwnReaders(folder)
    }
    return report
  }
}
