import Checkpoints
package import Diagnostics
import Execution
package import Foundation
import GGUF
import GGUFModels
import LanguageModels
import Tensors
package import Verification

extension VerificationReport {
  /// Reads a file of llama.cpp and checks all that can be checked of it: header, alignment and sizes; that metadata, tensors
  /// and tokenizer make one model; that every number is finite; and with a source how far it is from that.
  ///
  /// - Parameter location: The file, or a folder that has exactly one.
  /// - Returns: Nil for what is no such file; what is wrong with one is in the report.
  /// - Throws: `unsupported` for a folder with several.
  package static func ofFile(
    at location: URL, source: URL? = nil
  ) throws(InputError) -> VerificationReport? {
    guard let url = try GGUFModel.file(at: location) else { return nil }
    var report = VerificationReport()
    report.note(url) { report in
      let file = try GGUFFile(opening: url)
      report.tensorCount = file.tensors.count
      report.quantizedLayerCount = file.tensors.filter { !$0.type.isPlain }.count
      report.tensorParallelSizes = [1]
      for info in file.tensors {
        report.note(url) { _ in try file.requireFinite(info) }
      }
      let model = try GGUFModel(file)
      report.note(url) { _ in _ = try model.checkpoint.tokenizer() }
      if let source { try report.compare(model, with: source) }
    }
    return report
  }

  /// The largest share of a tensor's size that rounding takes away: in 2 bits it is about a third.
  private static let errorLimit = 0.6

  /// Compares what a file has with what it would have of a source in full precision, tensor by tensor, stacks member by
  /// member.
  private mutating func compare(_ model: GGUFModel, with folder: URL) throws {
    comparesSource = true
    let source = try NamedSource(folder)
    for tensor in model.outlines {
      guard let info = model.file.info(tensor.name) else { continue }
      let place = "tensor \(quoted(tensor.name))"
      guard let original = source.tensors[tensor.name] else {
        findings.append(.init(.damage, place, "is not in the source"))
        continue
      }
      guard info.shape == original.shape else {
        findings.append(
          .init(
            .damage, place,
            "is \(info.type.name) \(info.shape), in the source \(original.shape)"))
        continue
      }
      let members = original.members
      for (index, member) in members.enumerated() {
        let index = members.count > 1 ? index : nil
        let rows = TensorPlace(tensor: info.name, index: index)
          .slice(of: try model.file.stored(info.name)).asRows
        var sums = DifferenceSums()
        try member.forEachPiece(from: source.numbers) { row, piece in
          let own = piece.asRows
          sums.add(
            from: own, to: info.type.numbers(rows.slice(row..<row + own.shape[0])))
          model.file.releasePages()
        }
        let error = sums.difference
        source.model.checkpoint.releasePages()
        if error.relativeError <= Self.errorLimit { continue }
        findings.append(
          .init(
            .damage, index.map { "\(place)[\($0)]" } ?? place,
            "differs from the source by \(Quantities.percent(error.relativeError)) of its size"))
      }
    }
  }

  /// Adds what `read` throws as a finding.
  package mutating func note(_ url: URL, _ read: (inout VerificationReport) throws -> Void) {
    do {
      try read(&self)
    } catch let error as InputError {
      findings.append(.init(.damage, error.place ?? url.lastPathComponent, error.message))
    } catch {
      findings.append(.init(.damage, url.lastPathComponent, "\(error)"))
    }
  }
}

/// A model in full precision, or as one, under the names of files of llama.cpp.
private struct NamedSource {
  let model: ReadableModel
  /// Weights as numbers, one for each linear layer.
  let numbers: LayerwiseSource
  /// By name.
  let tensors: [String: GGUFTensorOutline]

  /// - Throws: `unsupported` for a model that llama.cpp does not have.
  init(_ folder: URL) throws {
    model = try ReadableModel(opening: folder, quantizesActivations: false)
    numbers = LayerwiseSource(
      model.source, layers: model.description.layerTensors(in: model.source))
    let outline = try model.fileOutline()
    tensors = Dictionary(outline.tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
  }
}
