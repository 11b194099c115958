"""Whether a name and an ID number belong together, asked of Tencent Cloud: IdCardVerification, version 2018-03-01.

Source: Tencent Cloud 人脸核身, 身份信息认证 (cloud.tencent.com/document/product/1007/33188). It bills Result 0 and -1.
"""

from verification.port import NO_ANSWER, Verdict, VerificationError
from verification.tencent_cloud.client import Service, TencentCloud

SERVICE = Service(name="faceid", version="2018-03-01")
VERDICTS = {
    "0": Verdict.AGREES,
    "-1": Verdict.DIFFERS,
    "-2": Verdict.UNKNOWN,  # no valid number: length or checksum
    "-3": Verdict.DIFFERS,  # no name that anybody can have
    "-5": Verdict.UNKNOWN,
}
RETRYABLE_RESULTS = ("-4", "-6")  # the authority's service failed; it is being upgraded
TOO_OFTEN_RESULT = "-7"  # this number was asked about too many times today


class TencentCloudIdCards:
    """A `verification.port.NameAuthority`."""

    def __init__(self, cloud: TencentCloud) -> None:
        self._cloud = cloud

    async def check(self, *, name: str, id_number: str) -> Verdict:
        answer = await self._cloud.call(SERVICE, "IdCardVerification", {"IdCard": id_number, "Name": name})
        result = answer.get("Result")
        if not isinstance(result, str):
            raise VerificationError(NO_ANSWER, "the answer holds no result", retryable=True)
        if result in VERDICTS:
            return VERDICTS[result]
        too_often = result == TOO_OFTEN_RESULT
        raise VerificationError(
            result[:100], "no verdict", retryable=result in RETRYABLE_RESULTS or too_often, too_often=too_often
        )
