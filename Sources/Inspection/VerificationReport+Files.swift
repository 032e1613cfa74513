import Checkpoints
package import Diagnostics
import Execution
package import Foundation
import GGUF
import GGUFModels
import JSONText
import Tokenization
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
      let checkpoint = try GGUFModel(opening: url).checkpoint
      report.note(url) { _ in
        let rows = checkpoint.configuration["vocab_size"]?.intValue ?? 0
        let count = try checkpoint.tokenizer().vocabularySize
        guard count <= rows else {
          throw InputError(
            .malformed, place: "tokenizer", "has \(count) tokens, expected at most \(rows)")
        }
      }
      if let source { try report.compare(checkpoint, with: source) }
    }
    return report
  }

  /// The largest share of a tensor's size that rounding takes away: in 2 bits it is about a third.
  private static let errorLimit = 0.6

  private mutating func compare(_ checkpoint: Checkpoint, with source: URL) throws {
    comparesSource = true
    let difference = try CheckpointDifference.between(source, checkpoint.folder)
    for entry in difference.entries {
      let place = "tensor \(quoted(entry.name))"
      guard entry.first != nil else {
        findings.append(.init(.damage, place, "is not in the source"))
        continue
      }
      // What reads other things than text is not in such files.
      guard entry.second != nil else { continue }
      guard let error = entry.error else {
        findings.append(
          .init(
            .damage, place,
            "is \(entry.second ?? ""), in the source \(entry.first ?? "")"))
        continue
      }
      guard error.relativeError <= Self.errorLimit else {
        findings.append(
          .init(
            .damage, place,
            "differs from the source by \(Quantities.percent(error.relativeError)) of its size"))
        continue
      }
    }
  }

  /// Adds what `read` throws as a finding.
  private mutating func note(_ url: URL, _ read: (inout VerificationReport) throws -> Void) {
    do {
      try read(&self)
    } catch let error as InputError {
      findings.append(.init(.damage, error.place ?? url.lastPathComponent, error.message))
    } catch {
      findings.append(.init(.damage, url.lastPathComponent, "\(error)"))
    }
  }
}
