internal import CKernels
import Compute
import Recordings
import Tensors

/// Rounds activations row by row, or lets them pass and looks at their range.
struct QuantizationKernel: Kernel {
  let step: Step
  let quantization: ActivationQuantization
  private var scale: Parameter? { step.parameters.first }
  private var rows: Int { step.rows }
  private var columns: Int { step.inputs[0].columns }
  private var stride: Int { step.columns(of: step.inputs[0].value) }

  static func scratch(of node: Node, in recording: Recording) -> Scratch {
    let column = recording.rows(of: node.result) * MemoryLayout<Float>.stride
    return Scratch(forward: 2 * column, backward: column)
  }

  private func rule(in program: Program) -> ck_activation_rule {
    let given = scale.map { program[$0][0] }
    return quantization.kernelRule(
      columns: columns, type: program.compute.element, scale: given ?? 0)
  }

  func forward(in program: Program) {
    let (x, y, stride) = (program[step.inputs[0]], program[step.result], stride)
    guard program.activations == .quantized else {
      if program.activations == .observed { observe(in: program) }
      let (size, columns) = (program.compute.byteCount, columns)
      ThreadTeam.forRanges(of: rows) { begin, end in
        copyRows(
          end - begin, byteCount: columns * size, from: x + begin * stride * size, stride * size,
          to: y + begin * columns * size, columns * size)
      }
      return
    }
    let rule = rule(in: program)
    ThreadTeam.forRanges(of: rows) { begin, end in
      withUnsafePointer(to: rule) { ck_activation_quantize($0, x, stride, y, begin, end) }
    }
  }

  private func observe(in program: Program) {
    guard let scale else { return }
    let extremes = program.forwardScratch(of: step).floats
    let (x, stride, rows, columns) = (program[step.inputs[0]], stride, rows, columns)
    let type = program.compute.element
    let samples = program.rowsOfSamples(step.inputs[0].value)
    ThreadTeam.forRanges(of: samples.last?.upperBound ?? 0) { begin, end in
      ck_activation_extremes(type, x, stride, columns, extremes, extremes + rows, begin, end)
    }
    for sample in samples {
      var (least, greatest): (Float, Float) = (0, 0)
      for row in sample {
        // A NaN takes the place of every number, and none takes a NaN's.
        let (below, above) = (extremes[row], extremes[rows + row])
        if below < least || below.isNaN { least = below }
        if above > greatest || above.isNaN { greatest = above }
      }
      program.observed[scale, default: []].append((least, greatest))
    }
  }

  func backward(in program: Program) {
    let isTraining = quantization.isStatic && step.parameters.contains(where: step.trains)
    let scratch = program.backwardScratch(of: step)
    let sums = scratch.floats
    let dy = program.gradient(of: step.result)
    let target = program.gradientTarget(0, of: step)
    guard target != nil || isTraining else { return }
    let (x, stride) = (program[step.inputs[0]], stride)
    let rule = rule(in: program)
    ThreadTeam.forRanges(of: rows) { begin, end in
      withUnsafePointer(to: rule) {
        ck_activation_backward(
          $0, x, stride, dy, target?.pointer, target?.accumulates ?? false ? 1 : 0,
          isTraining ? sums : nil, begin, end)
      }
    }
    guard isTraining, let scale else { return }
    var total: Float = 0
    for row in 0..<rows { total += sums[row] }
    sums[0] = total
    program.deliver(scratch, of: scale)
  }
}

extension ActivationQuantization {
  /// The kernels' form for activations of `columns` columns.
  func kernelRule(columns: Int, type: ck_element, scale: Float) -> ck_activation_rule {
    var rule = ck_activation_rule()
    rule.is_float = 1
    rule.format = CK_FP8
    switch number {
    case .int(let bitCount, let isSymmetric):
      rule.is_float = 0
      rule.bits = Int32(bitCount)
      rule.symmetric = isSymmetric ? 1 : 0
    case .fp8: break
    case .mxfp8: rule.format = CK_MXFP8
    case .mxfp4: rule.format = CK_MXFP4
    case .nvfp4: rule.format = CK_NVFP4
    }
    rule.runtime = self.rule == .runtime ? 1 : 0
    rule.columns = columns
    rule.group_size = min(groupSize ?? columns, columns)
    rule.given = scale
    rule.type = type
    return rule
  }
}
